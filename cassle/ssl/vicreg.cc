#include "cassle/ssl/vicreg.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/encoder.h"
#include "cassle/ssl/objectives.h"
#include "cassle/ssl/setting_checks.h"

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

  Recipe recipe() const override { return {.optimizer = v1::LARS, .warmup_epochs = 10}; }

 private:
  Encoder encoder_;
  const VicregWeights weights_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeVicreg(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::VicregConfig& vicreg = config.vicreg();
  VicregWeights weights;
  if (vicreg.has_invariance_weight()) weights.invariance = vicreg.invariance_weight();
  if (vicreg.has_variance_weight()) weights.variance = vicreg.variance_weight();
  if (vicreg.has_covariance_weight()) weights.covariance = vicreg.covariance_weight();
  CASSLE_RETURN_IF_ERROR(CheckNotNegative("vicreg", "invariance_weight", weights.invariance));
  CASSLE_RETURN_IF_ERROR(CheckNotNegative("vicreg", "variance_weight", weights.variance));
  CASSLE_RETURN_IF_ERROR(CheckNotNegative("vicreg", "covariance_weight", weights.covariance));
  // A bias of the last layer would have no gradient: the loss does not change when the projections
  // of both views move together.
  MlpOptions projector = {.hidden = 8192, .out = 8192, .depth = 3, .last_bias = false};
  if (vicreg.has_hidden_size()) projector.hidden = vicreg.hidden_size();
  if (vicreg.has_projection_size()) projector.out = vicreg.projection_size();
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, projector));
  return std::unique_ptr<Method>(new Vicreg(std::move(encoder), weights));
}

}  // namespace cassle
