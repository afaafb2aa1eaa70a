#include "cassle/ssl/methods/moco_v3.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/momentum_encoder.h"
#include "cassle/ssl/method/predictor.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/ssl/optimizers/schedule.h"

namespace cassle {
namespace {

struct Momenta {
  double start = 0.99;
  double end = 1;
};

class MocoV3 : public Method {
 public:
  MocoV3(Encoder online, Encoder momentum, Predictor predictor, double temperature,
         const Momenta& momenta)
      : online_(std::move(online)),
        momentum_(online_, std::move(momentum)),
        predictor_(std::move(predictor)),
        temperature_(temperature),
        momenta_(momenta) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = online_.Encode(batch.views.at(0));
    const auto [features2, z2] = online_.Encode(batch.views.at(1));
    const at::Tensor q1 = predictor_.Predict(z1, batch.views.at(0));
    const at::Tensor q2 = predictor_.Predict(z2, batch.views.at(1));
    // Once a step, before the keys, as in the code of its authors.
    if (!followed_) {
      momentum_.Follow(CosineMomentum(momenta_.start, momenta_.end, progress()));
    }
    followed_ = true;
    const at::Tensor k1 = momentum_.Project(batch.views.at(0));
    const at::Tensor k2 = momentum_.Project(batch.views.at(1));
    return {MocoV3Loss(q1, q2, k1, k2, temperature_), z1.detach(), z2.detach(), features1,
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

 private:
  Encoder online_;
  MomentumEncoder momentum_;
  Predictor predictor_;
  const double temperature_;
  const Momenta momenta_;
  // In the step under way.
  bool followed_ = false;
};

}  // namespace

Recipe MocoV3Recipe(bool) { return {.optimizer = v1::ADAMW, .warmup_epochs = 40}; }

absl::StatusOr<std::unique_ptr<Method>> MakeMocoV3(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::MocoV3Config& moco = config.moco_v3();
  Momenta momenta;
  if (setup.official) momenta.start = momenta.end = 0.999;
  if (moco.has_momentum()) momenta.start = moco.momentum();
  if (moco.has_final_momentum()) momenta.end = moco.final_momentum();
  const MlpOptions projector = {.hidden = moco.hidden_size(),
                                .out = moco.projection_size(),
                                .depth = 3,
                                .last_norm = true,
                                .last_norm_affine = false};
  CASSLE_ASSIGN_OR_RETURN(Encoder online, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Encoder momentum, Encoder::Create(setup, projector));
  const MlpOptions mlp = {.in = projector.out,
                          .hidden = moco.predictor_hidden_size(),
                          .out = projector.out,
                          .last_norm = true,
                          .last_norm_affine = false};
  CASSLE_ASSIGN_OR_RETURN(Predictor predictor, Predictor::Create(setup, mlp));
  return std::unique_ptr<Method>(new MocoV3(std::move(online), std::move(momentum),
                                            std::move(predictor), moco.temperature(), momenta));
}

}  // namespace cassle
