#include "cassle/ssl/barlow_twins.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/encoder.h"
#include "cassle/ssl/objectives.h"
#include "cassle/ssl/setting_checks.h"

namespace cassle {
namespace {

struct Settings {
  double off_diagonal_weight = 0.0051;
  double bias_rate_scale = 0.024;
  // SGD instead of LARS.
  bool official = false;
};

class BarlowTwins : public Method {
 public:
  BarlowTwins(Encoder encoder, const Settings& settings)
      : encoder_(std::move(encoder)), settings_(settings) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = encoder_.Encode(batch.views.at(0));
    const auto [features2, z2] = encoder_.Encode(batch.views.at(1));
    return {BarlowTwinsLoss(z1, z2, settings_.off_diagonal_weight), z1.detach(), z2.detach(),
            features1, features2};
  }

  void AfterStep() override {}

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true}, {"projector", encoder_.projector(), true}};
  }

  Recipe recipe() const override {
    return {.optimizer = settings_.official ? v1::SGD : v1::LARS, .warmup_epochs = 10};
  }

  std::vector<ParameterGroup> GroupParameters(
      const std::vector<NamedTensor>& parameters) const override {
    ParameterGroup weights, biases;
    for (const NamedTensor& parameter : parameters) {
      (parameter.tensor.dim() == 1 ? biases : weights).parameters.push_back(parameter);
    }
    biases.rate_scale = settings_.bias_rate_scale;
    return {weights, biases};
  }

 private:
  Encoder encoder_;
  const Settings settings_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeBarlowTwins(const v1::MethodConfig& config,
                                                        const MethodSetup& setup) {
  const v1::BarlowTwinsConfig& barlow = config.barlow_twins();
  Settings settings;
  settings.official = setup.official;
  if (barlow.has_off_diagonal_weight()) settings.off_diagonal_weight = barlow.off_diagonal_weight();
  if (barlow.has_bias_rate_scale()) settings.bias_rate_scale = barlow.bias_rate_scale();
  CASSLE_RETURN_IF_ERROR(
      CheckNotNegative("barlow_twins", "off_diagonal_weight", settings.off_diagonal_weight));
  CASSLE_RETURN_IF_ERROR(
      CheckAboveZero("barlow_twins", "bias_rate_scale", settings.bias_rate_scale));
  MlpOptions projector = {
      .hidden = 8192, .out = 8192, .depth = 3, .last_norm = true, .last_norm_affine = false};
  if (barlow.has_hidden_size()) projector.hidden = barlow.hidden_size();
  if (barlow.has_projection_size()) projector.out = barlow.projection_size();
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, projector));
  return std::unique_ptr<Method>(new BarlowTwins(std::move(encoder), settings));
}

}  // namespace cassle
