#include "cassle/ssl/moco_v3.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/encoder.h"
#include "cassle/ssl/momentum_encoder.h"
#include "cassle/ssl/objectives.h"
#include "cassle/ssl/predictor.h"
#include "cassle/ssl/schedule.h"
#include "cassle/ssl/setting_checks.h"

namespace cassle {
namespace {

struct Settings {
  double temperature = 0.2;
  double momentum = 0.99;
  double final_momentum = 1;
};

class MocoV3 : public Method {
 public:
  MocoV3(Encoder online, Encoder momentum, Predictor predictor, const Settings& settings)
      : online_(std::move(online)),
        momentum_(online_, std::move(momentum)),
        predictor_(std::move(predictor)),
        settings_(settings) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = online_.Encode(batch.views.at(0));
    const auto [features2, z2] = online_.Encode(batch.views.at(1));
    const at::Tensor q1 = predictor_.Predict(z1, batch.views.at(0));
    const at::Tensor q2 = predictor_.Predict(z2, batch.views.at(1));
    // Once a step, before the keys, as in the paper.
    if (!followed_) {
      momentum_.Follow(CosineMomentum(settings_.momentum, settings_.final_momentum, progress()));
    }
    followed_ = true;
    const at::Tensor k1 = momentum_.Project(batch.views.at(0));
    const at::Tensor k2 = momentum_.Project(batch.views.at(1));
    return {MocoV3Loss(q1, q2, k1, k2, settings_.temperature), z1.detach(), z2.detach(), features1,
            features2};
  }

  void AfterStep() override { followed_ = false; }

  std::vector<Network> networks() const override {
    std::vector<Network> networks = {{"backbone", online_.backbone(), true},
                                     {"projector", online_.projector(), true},
                                     {"predictor", predictor_.network(), true}};
    momentum_.AppendTo(&networks);
    return networks;
  }

  Recipe recipe() const override { return {.optimizer = v1::ADAMW, .warmup_epochs = 40}; }

 private:
  Encoder online_;
  MomentumEncoder momentum_;
  Predictor predictor_;
  const Settings settings_;
  // In the step under way.
  bool followed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeMocoV3(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::MocoV3Config& moco = config.moco_v3();
  Settings settings;
  if (setup.official) settings.momentum = settings.final_momentum = 0.999;
  if (moco.has_temperature()) settings.temperature = moco.temperature();
  if (moco.has_momentum()) settings.momentum = moco.momentum();
  if (moco.has_final_momentum()) settings.final_momentum = moco.final_momentum();
  CASSLE_RETURN_IF_ERROR(CheckAboveZero("moco_v3", "temperature", settings.temperature));
  CASSLE_RETURN_IF_ERROR(CheckMomentum("moco_v3", "momentum", settings.momentum));
  CASSLE_RETURN_IF_ERROR(CheckMomentum("moco_v3", "final_momentum", settings.final_momentum));
  MlpOptions projector = {
      .hidden = 4096, .out = 256, .depth = 3, .last_norm = true, .last_norm_affine = false};
  if (moco.has_hidden_size()) projector.hidden = moco.hidden_size();
  if (moco.has_projection_size()) projector.out = moco.projection_size();
  CASSLE_ASSIGN_OR_RETURN(Encoder online, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Encoder momentum, Encoder::Create(setup, projector));
  MlpOptions mlp = {.in = projector.out,
                    .hidden = 4096,
                    .out = projector.out,
                    .last_norm = true,
                    .last_norm_affine = false};
  if (moco.has_predictor_hidden_size()) mlp.hidden = moco.predictor_hidden_size();
  CASSLE_ASSIGN_OR_RETURN(Predictor predictor, Predictor::Create(setup, mlp));
  return std::unique_ptr<Method>(
      new MocoV3(std::move(online), std::move(momentum), std::move(predictor), settings));
}

}  // namespace cassle
