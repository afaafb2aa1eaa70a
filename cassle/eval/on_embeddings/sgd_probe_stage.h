// The stage sgd-probe: embeddings in, accuracy of a linear layer trained by SGD out.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_SGD_PROBE_STAGE_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_SGD_PROBE_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_embeddings/sgd_probe_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo SgdProbeInfo() {
  return {
      "sgd-probe", /*version=*/5,
      "Trains a linear layer on frozen features by SGD, as MoCo and LooC do, and tests its last "
      "epoch. linear-probe, which solves the same problem to its optimum, needs no learning rate."};
}

// Writes result.textproto and result.json (Evaluation): top-1 and class average of every target,
// and the test accuracy over the epochs; classifier.safetensors
// (cassle/eval/classifiers/classifier_file.h).
// \error kInvalidArgument for settings out of range; as RunKnn for the embeddings; as FitSgdProbe.
absl::Status RunSgdProbe(const v1::SgdProbeOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_SGD_PROBE_STAGE_H_
