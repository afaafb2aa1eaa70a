// Reading what pretrain (or an importer) leaves behind: an encoder that can be used.
//
//   model.textproto       v1::ModelSpec: architecture, image size, normalisation
//   weights.safetensors   "backbone.conv1.weight", ... (torchvision's names), "projector...."
//   stage.textproto       says that the folder is complete
#ifndef CASSLE_MODELS_WEIGHTS_MODEL_FOLDER_H_
#define CASSLE_MODELS_WEIGHTS_MODEL_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

inline constexpr char kModelSpecName[] = "model.textproto";
inline constexpr char kModelWeightsName[] = "weights.safetensors";

// \error InvalidArgument naming the field that is out of range or incomplete (of the backbone only
// the size of images that it takes is looked at).
absl::Status CheckModelSpec(const v1::ModelSpec& spec);

// The description of a model. `path` is a complete model folder, or a text file like
// model.textproto by itself.
// \error NotFound if there is no such folder or file, or the folder is not complete;
// InvalidArgument naming file and field if the description cannot be parsed or used; DataLoss if
// that of a folder cannot be parsed, or `path` is a file of weights of another program.
absl::StatusOr<v1::ModelSpec> ReadModelSpec(const std::string& path);

// The backbone of a complete model folder with its trained weights, in evaluation mode, without
// gradients.
// \error as ReadModelSpec and MakeBackbone; FailedPrecondition if `path` is a description only;
// DataLoss if the weights are damaged or do not fit.
absl::StatusOr<std::shared_ptr<Backbone>> LoadBackbone(const std::string& path);
// The same, built as `config` says, which differs from the model's own in how it is trained.
absl::StatusOr<std::shared_ptr<Backbone>> LoadBackbone(const std::string& path,
                                                       const v1::BackboneConfig& config);

}  // namespace cassle

#endif  // CASSLE_MODELS_WEIGHTS_MODEL_FOLDER_H_
