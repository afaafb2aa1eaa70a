#include "cassle/ssl/methods/swav.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/layers.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/key_queue.h"
#include "cassle/ssl/method/step_rows.h"
#include "cassle/ssl/objectives/clustering_objectives.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

// Views that are assigned to prototypes.
constexpr int kAssignedViews = 2;

class Swav : public Method {
 public:
  Swav(Encoder encoder, int64_t projection_size, const v1::SwavConfig& settings,
       const MethodSetup& setup)
      : encoder_(std::move(encoder)),
        prototypes_(std::make_shared<Linear>(projection_size, settings.num_prototypes(),
                                             /*bias=*/false)),
        steps_(at::zeros({}, at::kLong)),
        queued_(at::zeros({}, at::kLong)),
        settings_(settings),
        num_views_(std::max(kAssignedViews, setup.num_views)) {
    prototypes_->Initialize(setup.seed, "prototypes.");
    NormalizePrototypes();
    for (int i = 0; settings.queue_size() > 0 && i < kAssignedViews; ++i) {
      queues_.emplace_back(settings.queue_size(), projection_size, setup.seed);
    }
  }

  MethodOutput Forward(const Batch& batch) override {
    at::Tensor weight = prototypes_->parameters()[0];  // [K, P]
    // Without a gradient the optimiser leaves them alone.
    if (steps_.item().toLong() < settings_.freeze_prototypes_steps()) weight = weight.detach();
    MethodOutput output;
    std::vector<at::Tensor> assignments, logits;
    for (int view = 0; view < num_views_; ++view) {
      const auto [features, projections] = encoder_.Encode(batch.views.at(view));
      const at::Tensor embeddings = NormalizeRows(projections);
      const at::Tensor scores = embeddings.mm(weight.t());  // [B, K]
      logits.push_back(scores / settings_.temperature());
      if (view >= kAssignedViews) continue;
      assignments.push_back(Assign(view, scores));
      if (!queues_.empty()) enqueued_next_[view].Add(embeddings);
      (view == 0 ? output.z1 : output.z2) = projections.detach();
      (view == 0 ? output.features1 : output.features2) = features;
    }
    output.loss = CrossViewLoss(assignments, logits);
    return output;
  }

  void AfterStep() override {
    NormalizePrototypes();
    steps_.add_(1);
    if (queues_.empty()) return;
    const bool started = epoch() >= static_cast<double>(settings_.queue_start_epoch());
    for (int view = 0; view < kAssignedViews; ++view) {
      const at::Tensor rows = enqueued_next_[view].Take();
      if (!started) continue;
      queues_[view].Enqueue(rows);
      if (view == 0) queued_.add_(rows.size(0)).clamp_(0, settings_.queue_size());
    }
  }

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true},
            {"projector", encoder_.projector(), true},
            {"prototypes", prototypes_.get(), true}};
  }

  std::vector<NamedTensor> other_state() const override {
    std::vector<NamedTensor> state = {{"steps", steps_}};
    for (size_t i = 0; i < queues_.size(); ++i) {
      state.push_back({absl::StrCat("queue", i + 1, ".rows"), queues_[i].rows()});
      state.push_back({absl::StrCat("queue", i + 1, ".pointer"), queues_[i].pointer()});
    }
    if (!queues_.empty()) state.push_back({"queued", queued_});
    return state;
  }

  int num_views() const override { return num_views_; }

 private:
  void NormalizePrototypes() {
    at::NoGradGuard no_grad;
    at::Tensor weight = prototypes_->parameters()[0];
    weight.copy_(NormalizeRows(weight));
  }

  // [B, K]
  at::Tensor Assign(int view, const at::Tensor& scores) const {
    at::NoGradGuard no_grad;
    at::Tensor all = scores.detach();
    if (!queues_.empty() && queued_.item().toLong() == settings_.queue_size()) {
      all = at::cat({all, queues_[view].rows().mm(prototypes_->parameters()[0].t())});
    }
    return SinkhornAssignments(all, settings_.epsilon(), settings_.sinkhorn_iterations())
        .narrow(0, 0, scores.size(0));
  }

  Encoder encoder_;
  const std::shared_ptr<Linear> prototypes_;
  // Of the assigned views; none without a queue.
  std::vector<KeyQueue> queues_;
  // Steps taken.
  at::Tensor steps_;
  // Rows of each queue that are filled.
  at::Tensor queued_;
  // [B, P], normalised: what AfterStep puts into the queues.
  StepRows enqueued_next_[kAssignedViews];
  const v1::SwavConfig settings_;
  const int num_views_;
};

}  // namespace

Recipe SwavRecipe(bool official) {
  if (official) return {.optimizer = v1::SGD};
  return {.optimizer = v1::LARS, .warmup_epochs = 10, .base_lr = 0.3, .weight_decay = 1e-6};
}

absl::StatusOr<std::unique_ptr<Method>> MakeSwav(const v1::MethodConfig& config,
                                                 const MethodSetup& setup) {
  v1::SwavConfig swav = config.swav();
  if (!swav.has_num_prototypes()) swav.set_num_prototypes(setup.official ? 100 : 3000);
  if (!swav.has_freeze_prototypes_steps()) {
    swav.set_freeze_prototypes_steps(setup.official ? 410 : 313);
  }
  if (swav.queue_size() != 0) {
    CASSLE_RETURN_IF_ERROR(CheckQueueSize("swav", swav.queue_size(), setup.batch_size));
  }
  v1::SwavConfig usual;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&usual));
  if (swav.queue_size() == 0 && swav.queue_start_epoch() != usual.queue_start_epoch()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--method.swav.queue_start_epoch=", swav.queue_start_epoch(),
                     " is not read without --method.swav.queue_size: add that, or leave it out"));
  }
  const MlpOptions projector = {.hidden = swav.hidden_size(), .out = swav.projection_size()};
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, projector));
  return std::unique_ptr<Method>(new Swav(std::move(encoder), projector.out, swav, setup));
}

}  // namespace cassle
