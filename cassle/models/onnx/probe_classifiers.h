// The linear classifiers that linear-probe, sgd-probe and fine-tune leave behind, for whoever
// exports a network with them.
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

// Of an output folder of linear-probe or sgd-probe: classifier.safetensors
// (cassle/eval/classifiers/classifier_file.h).
// \error as RequireKind; FailedPrecondition for the votes of knn, which no linear layer gives;
// DataLoss naming the file and what is missing or does not fit.
absl::StatusOr<ProbeClassifiers> ReadProbeClassifiers(const std::string& folder);

// The head of a model of fine-tune (head.textproto); none if the complete model folder is of
// another stage.
// \error DataLoss naming the file and what is missing or does not fit.
absl::StatusOr<std::vector<ProbeClassifier>> ReadHead(const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_PROBE_CLASSIFIERS_H_
