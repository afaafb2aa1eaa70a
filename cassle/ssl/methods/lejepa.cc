#include "cassle/ssl/methods/lejepa.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/step_position.h"
#include "cassle/ssl/objectives/sigreg_objectives.h"

namespace cassle {
namespace {

// Views whose mean the others are to be near.
constexpr int kGlobalViews = 2;

class Lejepa : public Method {
 public:
  Lejepa(Encoder encoder, const v1::LejepaConfig& settings, const MethodSetup& setup)
      : encoder_(std::move(encoder)),
        settings_(settings),
        quadrature_(setup.official ? SigregQuadrature{.t_max = 3, .knots = 17}
                                   : SigregQuadrature{}),
        num_views_(std::max(kGlobalViews, setup.num_views)) {}

  MethodOutput Forward(const Batch& batch) override {
    MethodOutput output;
    std::vector<at::Tensor> embeddings;
    for (int view = 0; view < num_views_; ++view) {
      const auto [features, projections] = encoder_.Encode(batch.views.at(view));
      embeddings.push_back(projections);
      if (view >= kGlobalViews) continue;
      (view == 0 ? output.z1 : output.z2) = projections.detach();
      (view == 0 ? output.features1 : output.features2) = features;
    }
    const double weight = settings_.sigreg_weight();
    output.loss =
        ViewPredictionLoss(embeddings, kGlobalViews) * (1 - weight) + Sigreg(embeddings) * weight;
    return output;
  }

  void AfterStep() override { position_.NextStep(); }

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true}, {"projector", encoder_.projector(), true}};
  }

  // A resumed run draws the directions that an undisturbed one draws.
  std::vector<NamedTensor> other_state() const override { return {position_.state("steps")}; }
  int num_views() const override { return num_views_; }

 private:
  // Mean over the views.
  at::Tensor Sigreg(const std::vector<at::Tensor>& embeddings) const {
    const at::Tensor directions =
        SketchDirections(settings_.num_slices(), embeddings[0].size(1), position_.step())
            .to(embeddings[0].options());
    at::Tensor sum;
    for (const at::Tensor& z : embeddings) {
      const at::Tensor loss = SigregLoss(z, directions, quadrature_);
      sum = sum.defined() ? sum + loss : loss;
    }
    return sum / static_cast<double>(embeddings.size());
  }

  Encoder encoder_;
  // Keys the directions.
  StepPosition position_;
  const v1::LejepaConfig settings_;
  const SigregQuadrature quadrature_;
  const int num_views_;
};

}  // namespace

Recipe LejepaRecipe(bool) {
  return {.optimizer = v1::ADAMW, .warmup_epochs = 1, .base_lr = 0.0005, .weight_decay = 0.05};
}

absl::StatusOr<std::unique_ptr<Method>> MakeLejepa(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::LejepaConfig& lejepa = config.lejepa();
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, {.hidden = lejepa.hidden_size(),
                                                                   .out = lejepa.projection_size(),
                                                                   .depth = 3}));
  return std::unique_ptr<Method>(new Lejepa(std::move(encoder), lejepa, setup));
}

}  // namespace cassle
