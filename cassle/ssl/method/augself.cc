#include "cassle/ssl/method/augself.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/runtime/precision_scope.h"
#include "cassle/ssl/method/method_beside.h"
#include "cassle/ssl/method/relative_columns.h"
#include "cassle/ssl/objectives/augself_objectives.h"

namespace cassle {
namespace {

using LossFunction = at::Tensor (*)(const at::Tensor&, const at::Tensor&);

struct Target {
  const char* group;
  double (v1::AugSelfConfig::*weight)() const;
  // Of the relative descriptor, and of the head.
  int64_t columns;
  int64_t outputs;
  LossFunction loss;
  LossFunction official_loss;
};

// Alphabetical, as the groups of a descriptor.
constexpr Target kTargets[] = {
    {"blur", &v1::AugSelfConfig::blur, 1, 1, DifferenceLoss, DifferenceLoss},
    {"color", &v1::AugSelfConfig::color, 4, 4, DifferenceLoss, DifferenceLoss},
    {"crop", &v1::AugSelfConfig::crop, 4, 4, DifferenceLoss, DifferenceLoss},
    {"flip", &v1::AugSelfConfig::flip, 1, 1, AgreementLoss, AgreementLoss},
    {"rotation", &v1::AugSelfConfig::rotation, 1, 4, QuarterTurnLoss, QuarterTurnLoss},
    {"solarize", &v1::AugSelfConfig::solarize, 1, 1, DifferenceLoss, BroadcastDifferenceLoss},
};

}  // namespace

std::vector<std::string> AugSelfGroups(const v1::AugSelfConfig& config) {
  std::vector<std::string> groups;
  for (const Target& target : kTargets) {
    if ((config.*target.weight)() > 0) groups.push_back(target.group);
  }
  return groups;
}

absl::StatusOr<AugSelf> AugSelf::Create(const MethodSetup& setup, int64_t feature_size) {
  const v1::AugSelfConfig& config = setup.augself;
  if (AugSelfGroups(config).empty()) {
    return absl::InvalidArgumentError(
        "--augself: none of its weights is above 0; leave it out, or give one");
  }
  AugSelf augself;
  augself.precision_ = setup.precision;
  for (const Target& target : kTargets) {
    const double weight = (config.*target.weight)();
    if (weight == 0) continue;
    auto network = std::make_shared<Mlp>(MlpOptions{
        .in = 2 * feature_size, .hidden = config.hidden_size(), .out = target.outputs, .depth = 3});
    network->Initialize(setup.seed, absl::StrCat("augself_", target.group, "."));
    augself.heads_.push_back({target.group, weight, target.columns,
                              setup.official ? target.official_loss : target.loss,
                              std::move(network)});
  }
  return augself;
}

at::Tensor AugSelf::Loss(const at::Tensor& features1, const at::Tensor& features2,
                         const at::Tensor& relative1, const at::Tensor& relative2) {
  TORCH_CHECK(
      features1.defined() && features2.defined() && relative1.defined() && relative2.defined(),
      "AugSelf: features or relative descriptors are missing");
  const at::Tensor pairs = at::cat(
      {at::cat({features1, features2}, 1), at::cat({features2, features1}, 1)});  // [2B, 2F]
  const at::Tensor targets = at::cat({relative1, relative2});                     // [2B, R]
  at::Tensor total;
  int64_t column = 0;
  for (const Head& head : heads_) {
    at::Tensor predictions;
    {
      const PrecisionScope scope(precision_, pairs);
      predictions = head.network->forward(pairs);
    }
    const at::Tensor loss =
        head.loss(AtLeastFloat32(predictions), targets.narrow(1, column, head.columns)) *
        head.weight;
    total = total.defined() ? total + loss : loss;
    column += head.columns;
  }
  TORCH_CHECK(column == targets.size(1), "AugSelf: need relative descriptors [B, ", column,
              "], got ", relative1.sizes());
  return total;
}

void AugSelf::AppendTo(std::vector<Method::Network>* networks) const {
  for (const Head& head : heads_) {
    networks->push_back({"augself_" + head.group, head.network.get(), true});
  }
}

absl::StatusOr<std::unique_ptr<Method>> WithAugSelf(const MethodSetup& setup,
                                                    std::unique_ptr<Method> method) {
  const std::vector<std::string> groups = AugSelfGroups(setup.augself);
  if (groups.empty()) return method;
  if (method->num_views() < 2) {
    return absl::InvalidArgumentError(
        "--augself compares two views of an image, and the policy makes one: choose another "
        "policy");
  }
  CASSLE_ASSIGN_OR_RETURN(AugSelf augself,
                          AugSelf::Create(setup, method->backbone().feature_size()));
  CASSLE_ASSIGN_OR_RETURN(RelativeColumns columns,
                          RelativeColumns::Find(setup.relative_groups, groups));
  return std::unique_ptr<Method>(
      new MethodBeside<AugSelf>(std::move(method), std::move(augself), std::move(columns)));
}

}  // namespace cassle
