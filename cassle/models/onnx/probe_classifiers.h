// The linear classifiers that the stage linear-probe leaves behind, for whoever exports a network
// with them.
#ifndef CASSLE_MODELS_ONNX_PROBE_CLASSIFIERS_H_
#define CASSLE_MODELS_ONNX_PROBE_CLASSIFIERS_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cassle {

// logits = features weight^T + bias.
struct ProbeClassifier {
  // "label", "shape", ...
  std::string target;
  at::Tensor weight;  // [C, F] float32
  at::Tensor bias;    // [C]
  // Names of the C classes.
  std::vector<std::string> classes;
};

struct ProbeClassifiers {
  // By name.
  std::vector<ProbeClassifier> targets;
  // Of the encoder whose features were learnt from, as embed gives them.
  std::string weights_fingerprint;
  std::string preprocess_fingerprint;
  // Where in the network they were read; empty: its own features.
  std::string readout;
};

// Of an output folder of linear-probe: classifier.safetensors, details.json (names of classes) and
// result.json (fingerprints).
// \error as RequireKind; DataLoss naming the file and what is missing or does not fit.
absl::StatusOr<ProbeClassifiers> ReadProbeClassifiers(const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_PROBE_CLASSIFIERS_H_
