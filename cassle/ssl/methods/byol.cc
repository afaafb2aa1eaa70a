#include "cassle/ssl/methods/byol.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/momentum_encoder.h"
#include "cassle/ssl/method/predictor.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/ssl/optimizers/schedule.h"

namespace cassle {
namespace {

class Byol : public Method {
 public:
  Byol(Encoder online, Encoder target, Predictor predictor, const v1::ByolConfig& settings)
      : online_(std::move(online)),
        target_(online_, std::move(target)),
        predictor_(std::move(predictor)),
        settings_(settings) {}

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
    target_.Follow(CosineMomentum(settings_.momentum(), settings_.final_momentum(), progress()));
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
  const v1::ByolConfig settings_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeByol(const v1::MethodConfig& config,
                                                 const MethodSetup& setup) {
  const v1::ByolConfig& byol = config.byol();
  MlpOptions projector = {.hidden = setup.official ? 0 : 4096, .out = byol.projection_size()};
  if (byol.has_hidden_size()) projector.hidden = byol.hidden_size();
  CASSLE_ASSIGN_OR_RETURN(Encoder online, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Encoder target, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Predictor predictor,
                          Predictor::Create(setup, {.in = projector.out,
                                                    .hidden = byol.predictor_hidden_size(),
                                                    .out = projector.out}));
  return std::unique_ptr<Method>(
      new Byol(std::move(online), std::move(target), std::move(predictor), byol));
}

}  // namespace cassle
