// The projector that pretrain (or an importer) leaves beside the backbone.
//
//   weights.safetensors   "projector.mlp.0.weight", "projector.conditioner...", ...
//                         (conditioning.h)
//   projector.textproto   v1::ProjectorSpec
//   policy.textproto      v1::Policy of the views it was trained on
//                         (cassle/augment/operations/policy.proto)
//   head.textproto        v1::HeadSpec (head.proto), of fine-tune alone: the projector is a
//                         classifier of these classes
//
// Imported models and those of pretrain before it wrote the last two have weights only: shapes then
// tell how the projector was built, except for what they cannot (see LoadProjector).
#ifndef CASSLE_MODELS_WEIGHTS_PROJECTOR_FOLDER_H_
#define CASSLE_MODELS_WEIGHTS_PROJECTOR_FOLDER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/projector.pb.h"
#include "cassle/models/weights/state_difference.h"

namespace cassle {

inline constexpr char kProjectorSpecName[] = "projector.textproto";
inline constexpr char kPolicyName[] = "policy.textproto";
inline constexpr char kHeadSpecName[] = "head.textproto";

// The projector of a complete model folder, in evaluation mode, without gradients; null if the
// folder has none. Where shapes told how it is built, its conditioning names no groups.
// \error NotFound if the folder is not complete; InvalidArgument for a description that is wrong;
// DataLoss if it cannot be parsed, or the weights are damaged or do not fit it; FailedPrecondition
// if there is no description and GuessProjector fails.
absl::StatusOr<std::shared_ptr<ConditionedProjector>> LoadProjector(const std::string& folder);

// How a projector with this state is built ("mlp.0.weight", ...) that takes `feature_size`
// features: layers and norms by their names, a descriptor by the columns that the first layer has
// more. With batch norm between its layers it has ReLU.
// \error FailedPrecondition for what shapes do not tell: the activation without batch norm,
// addition or multiplication, and hypernetworks; DataLoss for layers that do not fit each other, or
// are of sizes that none here have.
absl::StatusOr<v1::ProjectorSpec> GuessProjector(const std::vector<TensorSignature>& state,
                                                 int64_t feature_size);

}  // namespace cassle

#endif  // CASSLE_MODELS_WEIGHTS_PROJECTOR_FOLDER_H_
