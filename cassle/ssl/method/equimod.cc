#include "cassle/ssl/method/equimod.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include <string>
#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/runtime/precision_scope.h"
#include "cassle/ssl/method/method_beside.h"
#include "cassle/ssl/method/relative_columns.h"
#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
absl::StatusOr<EquiMod> EquiMod::Create(const MethodSetup& setup, int64_t feature_size,
                                        int64_t num_parameters) {
  if (num_parameters < 1) {
    return absl::InvalidArgumentError(
        "--equimod: the policy has none of the descriptor groups, so there is nothing to tell the "
        "predictor; leave it out, or choose another policy");
  }
  EquiMod equimod;
  equimod.config_ = setup.equimod;
  equimod.precision_ = setup.precision;
  const int64_t size = equimod.config_.projection_size();
  const int64_t told = equimod.config_.parameter_size();
  equimod.projector_ = std::make_shared<Mlp>(MlpOptions{.in = feature_size,
                                                        .hidden = equimod.config_.hidden_size(),
                                                        .out = size,
                                                        .depth = 3,
                                                        .last_norm = true,
                                                        .last_norm_affine = false});
  equimod.parameters_ = std::make_shared<Mlp>(
      MlpOptions{.in = num_parameters, .out = told, .depth = 1, .last_norm = true});
  equimod.predictor_ = std::make_shared<Mlp>(MlpOptions{
      .in = size + told, .out = size, .depth = 1, .last_norm = true, .last_norm_affine = false});
  std::vector<Method::Network> networks;
  equimod.AppendTo(&networks);
  for (const Method::Network& network : networks) {
    network.module->Initialize(setup.seed, network.name + ".");
  }
  return equimod;
}

at::Tensor EquiMod::Loss(const at::Tensor& features1, const at::Tensor& features2,
                         const at::Tensor& relative1, const at::Tensor& relative2) {
  TORCH_CHECK(features1.defined() && features2.defined(), "EquiMod: features are missing");
  const int64_t batch = features1.size(0);
  // Rows of views 1 and 2, then those that each is predicted from.
  at::Tensor embeddings, predictions;  // [2B, P]
  {
    const PrecisionScope scope(precision_, features1);
    embeddings = projector_->forward(at::cat({features1, features2}));
    const at::Tensor told = parameters_->forward(at::cat({relative1, relative2}));
    const at::Tensor other =
        at::cat({embeddings.narrow(0, batch, batch), embeddings.narrow(0, 0, batch)});
    predictions = predictor_->forward(at::cat({other, told.to(other.scalar_type())}, 1));
  }
  return NtXentLoss(AtLeastFloat32(embeddings), AtLeastFloat32(predictions),
                    config_.temperature()) *
         config_.weight();
}

void EquiMod::AppendTo(std::vector<Method::Network>* networks) const {
  networks->push_back({"equimod_projector", projector_.get(), true});
  networks->push_back({"equimod_parameters", parameters_.get(), true});
  networks->push_back({"equimod_predictor", predictor_.get(), true});
}

absl::StatusOr<std::unique_ptr<Method>> WithEquiMod(const MethodSetup& setup,
                                                    std::unique_ptr<Method> method) {
  if (!HasEquiMod(setup.equimod)) return method;
  if (method->num_views() < 2) {
    return absl::InvalidArgumentError(
        "equimod predicts one view of an image from another, and the policy makes one: choose "
        "another policy");
  }
  std::vector<std::string> groups(setup.equimod.groups().begin(), setup.equimod.groups().end());
  if (groups.empty()) {
    for (const RelativeGroup& group : setup.relative_groups) groups.push_back(group.name);
  }
  CASSLE_ASSIGN_OR_RETURN(RelativeColumns columns,
                          RelativeColumns::Find(setup.relative_groups, groups));
  CASSLE_ASSIGN_OR_RETURN(
      EquiMod equimod, EquiMod::Create(setup, method->backbone().feature_size(), columns.size()));
  return std::unique_ptr<Method>(
      new MethodBeside<EquiMod>(std::move(method), std::move(equimod), std::move(columns)));
}

}  // namespace cassle
