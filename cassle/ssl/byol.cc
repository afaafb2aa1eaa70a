#include "cassle/ssl/byol.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/encoder.h"
#include "cassle/ssl/momentum_encoder.h"
#include "cassle/ssl/objectives.h"
#include "cassle/ssl/predictor.h"
#include "cassle/ssl/schedule.h"

namespace cassle {
namespace {

struct Momenta {
  double start = 0.996;
  double end = 1;
};

class Byol : public Method {
 public:
  Byol(Encoder online, Encoder target, Predictor predictor, const Momenta& momenta)
      : online_(std::move(online)),
        target_(online_, std::move(target)),
        predictor_(std::move(predictor)),
        momenta_(momenta) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, z1] = online_.Encode(batch.views.at(0));
    const auto [features2, z2] = online_.Encode(batch.views.at(1));
    const at::Tensor p1 = predictor_.Predict(z1, batch.views.at(0));
    const at::Tensor p2 = predictor_.Predict(z2, batch.views.at(1));
    const at::Tensor t1 = target_.Project(batch.views.at(0));
    const at::Tensor t2 = target_.Project(batch.views.at(1));
    return {ByolLoss(p1, p2, t1, t2), z1.detach(), z2.detach(), features1, features2};
  }

  void AfterStep() override {
    target_.Follow(CosineMomentum(momenta_.start, momenta_.end, progress()));
  }

  std::vector<Network> networks() const override {
    std::vector<Network> networks = {{"backbone", online_.backbone(), true},
                                     {"projector", online_.projector(), true},
                                     {"predictor", predictor_.network(), true}};
    target_.AppendTo(&networks);
    return networks;
  }

 private:
  Encoder online_;
  MomentumEncoder target_;
  Predictor predictor_;
  const Momenta momenta_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeByol(const v1::MethodConfig& config,
                                                 const MethodSetup& setup) {
  const v1::ByolConfig& byol = config.byol();
  Momenta momenta;
  if (byol.has_momentum()) momenta.start = byol.momentum();
  if (byol.has_final_momentum()) momenta.end = byol.final_momentum();
  CASSLE_RETURN_IF_ERROR(CheckMomentum("byol", "momentum", momenta.start));
  CASSLE_RETURN_IF_ERROR(CheckMomentum("byol", "final_momentum", momenta.end));
  MlpOptions projector = {.hidden = setup.official ? 0 : 4096, .out = 256};
  if (byol.has_hidden_size()) projector.hidden = byol.hidden_size();
  if (byol.has_projection_size()) projector.out = byol.projection_size();
  CASSLE_ASSIGN_OR_RETURN(Encoder online, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Encoder target, Encoder::Create(setup, projector));
  MlpOptions mlp = {.in = projector.out, .hidden = 4096, .out = projector.out};
  if (byol.has_predictor_hidden_size()) mlp.hidden = byol.predictor_hidden_size();
  CASSLE_ASSIGN_OR_RETURN(Predictor predictor, Predictor::Create(setup, mlp));
  return std::unique_ptr<Method>(
      new Byol(std::move(online), std::move(target), std::move(predictor), momenta));
}

}  // namespace cassle
