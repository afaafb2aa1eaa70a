#include "cassle/ssl/methods/barlow_twins.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
namespace {

class BarlowTwins : public Method {
 public:
  BarlowTwins(Encoder encoder, const v1::BarlowTwinsConfig& settings)
      : encoder_(std::move(encoder)), settings_(settings) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = encoder_.Encode(batch.views.at(0));
    const auto [features2, z2] = encoder_.Encode(batch.views.at(1));
    return {BarlowTwinsLoss(z1, z2, settings_.off_diagonal_weight()), z1.detach(), z2.detach(),
            features1, features2};
  }

  void AfterStep() override {}

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true}, {"projector", encoder_.projector(), true}};
  }

  std::vector<ParameterGroup> GroupParameters(
      const std::vector<NamedTensor>& parameters) const override {
    ParameterGroup weights, biases;
    for (const NamedTensor& parameter : parameters) {
      (parameter.tensor.dim() == 1 ? biases : weights).parameters.push_back(parameter);
    }
    biases.rate_scale = settings_.bias_rate_scale();
    return {weights, biases};
  }

 private:
  Encoder encoder_;
  const v1::BarlowTwinsConfig settings_;
};

}  // namespace

Recipe BarlowTwinsRecipe(bool official) {
  return {.optimizer = official ? v1::SGD : v1::LARS, .warmup_epochs = 10};
}

absl::StatusOr<std::unique_ptr<Method>> MakeBarlowTwins(const v1::MethodConfig& config,
                                                        const MethodSetup& setup) {
  const v1::BarlowTwinsConfig& barlow = config.barlow_twins();
  const MlpOptions projector = {.hidden = barlow.hidden_size(),
                                .out = barlow.projection_size(),
                                .depth = 3,
                                .last_norm = true,
                                .last_norm_affine = false};
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, projector));
  return std::unique_ptr<Method>(new BarlowTwins(std::move(encoder), barlow));
}

}  // namespace cassle
