#include "cassle/ssl/methods/vicreg.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
namespace {

class Vicreg : public Method {
 public:
  Vicreg(Encoder encoder, const VicregWeights& weights)
      : encoder_(std::move(encoder)), weights_(weights) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = encoder_.Encode(batch.views.at(0));
    const auto [features2, z2] = encoder_.Encode(batch.views.at(1));
    return {VicregLoss(z1, z2, weights_), z1.detach(), z2.detach(), features1, features2};
  }

  void AfterStep() override {}

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true}, {"projector", encoder_.projector(), true}};
  }

 private:
  Encoder encoder_;
  const VicregWeights weights_;
};

}  // namespace

Recipe VicregRecipe(bool) {
  return {.optimizer = v1::LARS, .warmup_epochs = 10, .base_lr = 0.2, .weight_decay = 1e-6};
}

absl::StatusOr<std::unique_ptr<Method>> MakeVicreg(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::VicregConfig& vicreg = config.vicreg();
  const VicregWeights weights = {.invariance = vicreg.invariance_weight(),
                                 .variance = vicreg.variance_weight(),
                                 .covariance = vicreg.covariance_weight()};
  // A bias of the last layer would have no gradient: the loss does not change when the projections
  // of both views move together.
  const MlpOptions projector = {.hidden = vicreg.hidden_size(),
                                .out = vicreg.projection_size(),
                                .depth = 3,
                                .last_bias = false};
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, projector));
  return std::unique_ptr<Method>(new Vicreg(std::move(encoder), weights));
}

}  // namespace cassle
