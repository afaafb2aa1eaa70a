// A backbone, and classifiers on its features, as a model of ONNX.
//
//   input    images      [batch, 3, S, S] float32, normalised (metadata_props says how)
//   outputs  features    [batch, F] float32, as embed gives them
//            logits.NAME [batch, C] float32, of each classifier
//
// Operator set 17 (ONNX 1.12, July 2022) of the default domain; the operators are named in
// resnet_graph.h and vit_graph.h. Initialisers have the names and values of the weights, and nodes
// those of the modules.
#ifndef CASSLE_MODELS_ONNX_ONNX_MODEL_H_
#define CASSLE_MODELS_ONNX_ONNX_MODEL_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/models/onnx/probe_classifiers.h"

namespace cassle {

inline constexpr int kOnnxOpset = 17;
inline constexpr char kOnnxImages[] = "images";
inline constexpr char kOnnxFeatures[] = "features";
inline constexpr char kOnnxLogits[] = "logits.";

struct OnnxModelParts {
  // Its backbone resolved (ResolveBackbone).
  v1::ModelSpec spec;
  // On the processor.
  const Backbone* backbone = nullptr;
  std::vector<ProbeClassifier> classifiers;
  // metadata_props, in this order.
  std::vector<std::pair<std::string, std::string>> metadata;
};

// The bytes of the file: the same parts give the same. Takes memory for two copies of the weights.
// \error FailedPrecondition for a network that has no graph yet, or whose weights do not fit into
// one file (2 GiB); InvalidArgument for a classifier of other features.
absl::StatusOr<std::string> MakeOnnxModel(const OnnxModelParts& parts);

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_ONNX_MODEL_H_
