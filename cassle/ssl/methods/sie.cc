#include "cassle/ssl/methods/sie.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/runtime/precision_scope.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/relative_columns.h"
#include "cassle/ssl/objectives/sie_objectives.h"

namespace cassle {
namespace {

// Columns of the two parts, the equivariant ones last.
struct Split {
  int64_t invariant = 0;
  int64_t equivariant = 0;
};

absl::StatusOr<Split> SplitColumns(int64_t columns, const char* of, double fraction) {
  const int64_t equivariant = std::llround(static_cast<double>(columns) * fraction);
  if (equivariant >= 1 && equivariant < columns) return Split{columns - equivariant, equivariant};
  return absl::InvalidArgumentError(
      absl::StrCat("--method.sie.equivariant_fraction=", fraction, " gives ", equivariant, " of ",
                   columns, " ", of, " to the equivariant part; either part needs one: ",
                   columns < 2 ? "make them 2 or more" : "choose a fraction nearer to 0.5"));
}

class Sie : public Method {
 public:
  // projector: of the equivariant part. predictor: of all products.
  Sie(Encoder encoder, std::shared_ptr<Mlp> projector, std::shared_ptr<Mlp> predictor,
      int64_t equivariant_features, RelativeColumns columns, const SieWeights& weights,
      Precision precision)
      : encoder_(std::move(encoder)),
        projector_(std::move(projector)),
        predictor_(std::move(predictor)),
        equivariant_features_(equivariant_features),
        columns_(std::move(columns)),
        weights_(weights),
        precision_(precision) {}

  MethodOutput Forward(const Batch& batch) override {
    const View &view1 = batch.views.at(0), &view2 = batch.views.at(1);
    const auto [features1, invariant1] = encoder_.Encode(view1);
    const auto [features2, invariant2] = encoder_.Encode(view2);
    const at::Tensor equivariant1 = Project(features1), equivariant2 = Project(features2);
    const at::Tensor z1 = at::cat({invariant1, equivariant1}, 1);
    const at::Tensor z2 = at::cat({invariant2, equivariant2}, 1);
    const at::Tensor predictions = Predict(equivariant1, columns_.Of(view2.relative));
    return {SieLoss(z1, z2, predictions, weights_), z1.detach(), z2.detach(), features1, features2};
  }

  void AfterStep() override {}

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true},
            {"projector", encoder_.projector(), true},
            {"equivariant_projector", projector_.get(), true},
            {"equivariant_predictor", predictor_.get(), true}};
  }

 private:
  // [B, F] -> [B, Q]
  at::Tensor Project(const at::Tensor& features) {
    const PrecisionScope scope(precision_, features);
    return AtLeastFloat32(projector_->forward(
        features.narrow(1, features.size(1) - equivariant_features_, equivariant_features_)));
  }

  // z [B, Q] of view 1, relative [B, T - 1] of view 2 -> [B, Q]
  at::Tensor Predict(const at::Tensor& z, const at::Tensor& relative) {
    const at::Tensor told =
        at::cat({at::ones({z.size(0), 1}, z.options()), relative.to(z.scalar_type())}, 1);
    const PrecisionScope scope(precision_, z);
    return AtLeastFloat32(predictor_->forward((told.unsqueeze(2) * z.unsqueeze(1)).flatten(1)));
  }

  Encoder encoder_;
  std::shared_ptr<Mlp> projector_;
  std::shared_ptr<Mlp> predictor_;
  const int64_t equivariant_features_;
  const RelativeColumns columns_;
  const SieWeights weights_;
  const Precision precision_;
};

// What the predictor is told, but for the 1.
absl::StatusOr<RelativeColumns> FindColumns(const v1::SieConfig& sie, const MethodSetup& setup) {
  std::vector<std::string> groups(sie.groups().begin(), sie.groups().end());
  if (groups.empty()) {
    for (const RelativeGroup& group : setup.relative_groups) groups.push_back(group.name);
  }
  if (groups.empty()) {
    return absl::InvalidArgumentError(
        "--method=sie: the policy has none of the descriptor groups, so there is nothing to tell "
        "the predictor; choose another method, or another policy");
  }
  return RelativeColumns::Find(setup.relative_groups, groups);
}

}  // namespace

Recipe SieRecipe(bool) {
  return {.optimizer = v1::ADAM, .base_lr = 0.00025, .weight_decay = 0.000001};
}

absl::StatusOr<std::unique_ptr<Method>> MakeSie(const v1::MethodConfig& config,
                                                const MethodSetup& setup) {
  const v1::SieConfig& sie = config.sie();
  CASSLE_ASSIGN_OR_RETURN(RelativeColumns columns, FindColumns(sie, setup));
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, setup.make_backbone());
  const int64_t size = backbone->feature_size();
  const double fraction = sie.equivariant_fraction();
  CASSLE_ASSIGN_OR_RETURN(const Split features, SplitColumns(size, "features", fraction));
  CASSLE_ASSIGN_OR_RETURN(const Split hidden,
                          SplitColumns(sie.hidden_size() > 0 ? sie.hidden_size() : size,
                                       "columns of --method.sie.hidden_size", fraction));
  CASSLE_ASSIGN_OR_RETURN(
      const Split projections,
      SplitColumns(sie.projection_size(), "columns of --method.sie.projection_size", fraction));
  // A bias of the invariant one's last layer would have no gradient (vicreg.cc).
  const MlpOptions invariant = {.in = features.invariant,
                                .hidden = hidden.invariant,
                                .out = projections.invariant,
                                .depth = 3,
                                .last_bias = false};
  MlpOptions equivariant = invariant;
  equivariant.in = features.equivariant;
  equivariant.hidden = hidden.equivariant;
  equivariant.out = projections.equivariant;
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder,
                          Encoder::CreateAround(setup, std::move(backbone), invariant));
  auto projector = std::make_shared<Mlp>(equivariant);
  projector->Initialize(setup.seed, "equivariant_projector.");
  auto predictor = std::make_shared<Mlp>(MlpOptions{.in = (1 + columns.size()) * equivariant.out,
                                                    .out = equivariant.out,
                                                    .depth = 1,
                                                    .last_bias = false});
  predictor->Initialize(setup.seed, "equivariant_predictor.");
  const SieWeights weights = {.invariance = sie.invariance_weight(),
                              .equivariance = sie.equivariance_weight(),
                              .variance = sie.variance_weight(),
                              .covariance = sie.covariance_weight()};
  return std::unique_ptr<Method>(new Sie(std::move(encoder), std::move(projector),
                                         std::move(predictor), features.equivariant,
                                         std::move(columns), weights, setup.precision));
}

}  // namespace cassle
