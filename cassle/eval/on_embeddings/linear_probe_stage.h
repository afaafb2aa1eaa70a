// The stage linear-probe: embeddings in, accuracies of a linear classifier on them out.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_LINEAR_PROBE_STAGE_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_LINEAR_PROBE_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_embeddings/linear_probe_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo LinearProbeInfo() {
  return {"linear-probe", /*version=*/7,
          "Fits linear classifiers to embeddings over a grid of "
          "regularisers, chooses one by a validation "
          "part, tests it."};
}

// Writes result.textproto and result.json (Evaluation), details.json (LinearProbeResult) and
// classifier.safetensors (cassle/eval/classifiers/classifier_file.h).
// \error kInvalidArgument for settings that make no sense; kNotFound, kDataLoss and
// kFailedPrecondition for embeddings that are missing, broken, of different encoders, or that
// cannot be learnt from (one class only, no label); kCancelled when interrupted.
absl::Status RunLinearProbe(const v1::LinearProbeOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_LINEAR_PROBE_STAGE_H_
