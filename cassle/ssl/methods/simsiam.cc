#include "cassle/ssl/methods/simsiam.h"

#include <utility>

#include "absl/strings/match.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/predictor.h"
#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
namespace {

class Simsiam : public Method {
 public:
  Simsiam(Encoder encoder, Predictor predictor, bool constant_predictor_rate)
      : encoder_(std::move(encoder)),
        predictor_(std::move(predictor)),
        constant_predictor_rate_(constant_predictor_rate) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = encoder_.Encode(batch.views.at(0));
    const auto [features2, z2] = encoder_.Encode(batch.views.at(1));
    const at::Tensor p1 = predictor_.Predict(z1, batch.views.at(0));
    const at::Tensor p2 = predictor_.Predict(z2, batch.views.at(1));
    return {SimsiamLoss(p1, p2, z1, z2), z1.detach(), z2.detach(), features1, features2};
  }

  void AfterStep() override {}

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true},
            {"projector", encoder_.projector(), true},
            {"predictor", predictor_.network(), true}};
  }

  std::vector<ParameterGroup> GroupParameters(
      const std::vector<NamedTensor>& parameters) const override {
    ParameterGroup encoder, predictor;
    for (const NamedTensor& parameter : parameters) {
      const bool predicts = absl::StartsWith(parameter.name, "predictor.");
      (predicts ? predictor : encoder).parameters.push_back(parameter);
    }
    predictor.constant_rate = constant_predictor_rate_;
    return {encoder, predictor};
  }

 private:
  Encoder encoder_;
  Predictor predictor_;
  const bool constant_predictor_rate_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeSimsiam(const v1::MethodConfig& config,
                                                    const MethodSetup& setup) {
  const v1::SimsiamConfig& simsiam = config.simsiam();
  const MlpOptions projector = {.hidden = simsiam.hidden_size(),
                                .out = simsiam.projection_size(),
                                .depth = simsiam.projector_depth(),
                                .last_norm = true};
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Predictor predictor,
                          Predictor::Create(setup, {.in = projector.out,
                                                    .hidden = simsiam.predictor_hidden_size(),
                                                    .out = projector.out}));
  return std::unique_ptr<Method>(
      new Simsiam(std::move(encoder), std::move(predictor), simsiam.constant_predictor_rate()));
}

}  // namespace cassle
