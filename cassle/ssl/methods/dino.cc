#include "cassle/ssl/methods/dino.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/layers.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/momentum_encoder.h"
#include "cassle/ssl/method/momentum_update.h"
#include "cassle/ssl/method/step_rows.h"
#include "cassle/ssl/objectives/clustering_objectives.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/ssl/optimizers/schedule.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

// Views that the teacher sees.
constexpr int kTeacherViews = 2;

class Dino : public Method {
 public:
  Dino(Encoder student, Encoder teacher, int64_t projection_size, const v1::DinoConfig& settings,
       const MethodSetup& setup)
      : student_(std::move(student)),
        teacher_(student_, std::move(teacher)),
        last_layer_(
            std::make_shared<Linear>(projection_size, settings.num_outputs(), /*bias=*/false)),
        teacher_last_layer_(
            std::make_shared<Linear>(projection_size, settings.num_outputs(), /*bias=*/false)),
        center_(at::zeros({settings.num_outputs()}, at::kFloat)),
        settings_(settings),
        num_views_(std::max(kTeacherViews, setup.num_views)) {
    last_layer_->Initialize(setup.seed, "last_layer.");
    CopyState(*last_layer_, teacher_last_layer_.get());
    teacher_last_layer_->set_requires_grad(false);
  }

  MethodOutput Forward(const Batch& batch) override {
    MethodOutput output;
    at::Tensor weight = last_layer_->parameters()[0];  // [K, P]
    // Without a gradient the optimiser leaves it alone.
    if (epoch() < settings_.freeze_last_layer_epochs()) weight = weight.detach();
    const at::Tensor directions = NormalizeRows(weight);
    std::vector<at::Tensor> logits;
    for (int view = 0; view < num_views_; ++view) {
      const auto [features, projections] = student_.Encode(batch.views.at(view));
      logits.push_back(NormalizeRows(projections).mm(directions.t()) /
                       settings_.student_temperature());
      if (view >= kTeacherViews) continue;
      (view == 0 ? output.z1 : output.z2) = projections.detach();
      (view == 0 ? output.features1 : output.features2) = features;
    }
    output.loss = CrossViewLoss(Targets(batch), logits);
    return output;
  }

  void AfterStep() override {
    const double momentum =
        CosineMomentum(settings_.momentum(), settings_.final_momentum(), progress());
    teacher_.Follow(momentum);
    std::vector<at::Tensor> averages = teacher_last_layer_->parameters();
    UpdateMomentumParameters(last_layer_->parameters(), momentum, &averages);
    center_.mul_(settings_.center_momentum())
        .add_(batch_centers_.Take().mean(0), /*alpha=*/1 - settings_.center_momentum());
  }

  std::vector<Network> networks() const override {
    std::vector<Network> networks = {{"backbone", student_.backbone(), true},
                                     {"projector", student_.projector(), true},
                                     {"last_layer", last_layer_.get(), true}};
    teacher_.AppendTo(&networks);
    networks.push_back({"momentum_last_layer", teacher_last_layer_.get(), false});
    return networks;
  }

  std::vector<NamedTensor> other_state() const override { return {{"center", center_}}; }

  int num_views() const override { return num_views_; }

 private:
  // What the teacher says of the first views, [B, K] each. Notes their mean for the centre.
  std::vector<at::Tensor> Targets(const Batch& batch) {
    at::NoGradGuard no_grad;
    const at::Tensor directions = NormalizeRows(teacher_last_layer_->parameters()[0]);
    std::vector<at::Tensor> outputs, targets;
    for (int view = 0; view < kTeacherViews; ++view) {
      outputs.push_back(NormalizeRows(teacher_.Project(batch.views.at(view))).mm(directions.t()));
      targets.push_back(at::softmax((outputs[view] - center_) / TeacherTemperature(), 1));
    }
    batch_centers_.Add(at::cat(outputs).mean(0, /*keepdim=*/true));
    return targets;
  }

  // From its start in epoch 0 to its end in the last epoch of the warm-up, in equal steps.
  double TeacherTemperature() const {
    const double start = settings_.warmup_teacher_temperature();
    const int64_t epochs = settings_.warmup_teacher_temperature_epochs();
    if (epoch() >= static_cast<double>(epochs)) return settings_.teacher_temperature();
    const double done =
        std::min(1.0, epoch() / static_cast<double>(std::max<int64_t>(1, epochs - 1)));
    return start + (settings_.teacher_temperature() - start) * done;
  }

  Encoder student_;
  MomentumEncoder teacher_;
  const std::shared_ptr<Linear> last_layer_;
  const std::shared_ptr<Linear> teacher_last_layer_;
  // [K] float32
  at::Tensor center_;
  // [1, K]: mean over the rows of the batch, or of each of its parts.
  StepRows batch_centers_;
  const v1::DinoConfig settings_;
  const int num_views_;
};

// Of the layers of the head: other values would outweigh small features, and all projections would
// begin alike.
void ZeroBiases(Module* projector) {
  at::NoGradGuard no_grad;
  for (NamedTensor& parameter : projector->named_parameters()) {
    if (absl::StartsWith(parameter.name, "mlp.") && absl::EndsWith(parameter.name, ".bias")) {
      parameter.tensor.zero_();
    }
  }
}

}  // namespace

Recipe DinoRecipe(bool) {
  return {.optimizer = v1::ADAMW,
          .warmup_epochs = 10,
          .base_lr = 5e-4,
          .weight_decay = 0.04,
          .final_weight_decay = 0.4,
          .exempt_biases = true,
          .clip_gradient_norm = 3,
          .clip_each_parameter = true};
}

absl::StatusOr<std::unique_ptr<Method>> MakeDino(const v1::MethodConfig& config,
                                                 const MethodSetup& setup) {
  const v1::DinoConfig& dino = config.dino();
  v1::DinoConfig usual;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&usual));
  if (dino.warmup_teacher_temperature_epochs() == 0 &&
      dino.warmup_teacher_temperature() != usual.warmup_teacher_temperature()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--method.dino.warmup_teacher_temperature=", dino.warmup_teacher_temperature(),
        " is not read without --method.dino.warmup_teacher_temperature_epochs: add that, or leave "
        "it out"));
  }
  const MlpOptions projector = {.hidden = dino.hidden_size(),
                                .out = dino.projection_size(),
                                .depth = 3,
                                .activation = Activation::kGelu,
                                .hidden_norm = false};
  CASSLE_ASSIGN_OR_RETURN(Encoder student, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Encoder teacher, Encoder::Create(setup, projector));
  if (setup.load_projector == nullptr) ZeroBiases(student.projector());
  return std::unique_ptr<Method>(
      new Dino(std::move(student), std::move(teacher), projector.out, dino, setup));
}

}  // namespace cassle
