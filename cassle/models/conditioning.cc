#include "cassle/models/conditioning.h"

#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr int kDefaultDepth = 6;
constexpr int kDefaultWidth = 64;

absl::Status CheckRange(const char* field, int value, int high) {
  if (value >= 1 && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("conditioning.", field, ": ", value, " is outside 1..", high));
}

}  // namespace

absl::StatusOr<v1::ConditioningConfig> ResolveConditioning(const v1::ConditioningConfig& config) {
  v1::ConditioningConfig resolved = config;
  if (resolved.treatment() == v1::TREATMENT_UNSPECIFIED) resolved.set_treatment(v1::NONE);
  if (resolved.depth() == 0) resolved.set_depth(kDefaultDepth);
  if (resolved.width() == 0) resolved.set_width(kDefaultWidth);
  if (resolved.treatment() != v1::NONE && resolved.treatment() != v1::MLP) {
    return absl::InvalidArgumentError(absl::StrCat(
        "conditioning.treatment: ", static_cast<int>(resolved.treatment()), " is not NONE or MLP"));
  }
  CASSLE_RETURN_IF_ERROR(CheckRange("depth", resolved.depth(), 64));
  CASSLE_RETURN_IF_ERROR(CheckRange("width", resolved.width(), 65536));
  return resolved;
}

absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedProjector(
    const v1::ConditioningConfig& config, int64_t descriptor_size, const MlpOptions& mlp,
    uint64_t seed) {
  CASSLE_ASSIGN_OR_RETURN(const v1::ConditioningConfig resolved, ResolveConditioning(config));
  std::shared_ptr<ConditionedProjector> projector(new ConditionedProjector());
  MlpOptions options = mlp;
  if (resolved.treatment() == v1::MLP) {
    if (descriptor_size < 1) {
      return absl::InvalidArgumentError(
          "conditioning: the policy has none of the descriptor groups; set treatment: NONE");
    }
    projector->conditioner_ = projector->AddChild(
        "conditioner", std::make_shared<Mlp>(MlpOptions{.in = descriptor_size,
                                                        .hidden = resolved.width(),
                                                        .out = resolved.width(),
                                                        .depth = resolved.depth(),
                                                        .last_norm = true}));
    options.in += resolved.width();
  }
  projector->mlp_ = projector->AddChild("mlp", std::make_shared<Mlp>(options));
  projector->Initialize(seed, "projector.");
  return projector;
}

at::Tensor ConditionedProjector::forward(const at::Tensor& features, const at::Tensor& descriptor) {
  if (conditioner_ == nullptr) return mlp_->forward(features);
  TORCH_CHECK(descriptor.defined() && descriptor.size(0) == features.size(0),
              "a conditioned projector needs one descriptor per row of features");
  // Autocast does not promote: the embedding follows the features' precision only if both went
  // through a linear layer.
  at::Tensor embedding = conditioner_->forward(descriptor);
  if (embedding.scalar_type() != features.scalar_type()) {
    embedding = embedding.to(features.scalar_type());
  }
  return mlp_->forward(at::cat({features, embedding}, 1));
}

}  // namespace cassle
