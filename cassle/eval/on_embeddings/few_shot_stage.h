// The stage few-shot: embeddings in, accuracies of N-way K-shot episodes out.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_FEW_SHOT_STAGE_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_FEW_SHOT_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_embeddings/few_shot_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo FewShotInfo() {
  return {"few-shot", /*version=*/2,
          "Learns many small classification tasks from a few images "
          "per class each, and tests them: mean accuracy with its 95 % "
          "interval."};
}

// Writes result.textproto and result.json (Evaluation): per target and number of shots the mean
// accuracy over the episodes, with 1.96 standard deviations / sqrt(episodes) as half width; and
// episodes.safetensors, per target and number of shots K
//   rows.TARGET.K      [episodes, ways (K + queries)] I64, class by class, shots first
//   accuracy.TARGET.K  [episodes] F64
// \error kInvalidArgument for settings that make no sense; kNotFound, kDataLoss and
// kFailedPrecondition for embeddings that are missing or broken, have too few classes, or too few
// images of a class (naming it); kCancelled when interrupted.
absl::Status RunFewShot(const v1::FewShotOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_FEW_SHOT_STAGE_H_
