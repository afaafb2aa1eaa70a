// The stage learning-curves: what was kept of trainings in, curves over their length out.
#ifndef CASSLE_EVAL_CURVES_LEARNING_CURVES_STAGE_H_
#define CASSLE_EVAL_CURVES_LEARNING_CURVES_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/curves/learning_curves_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo LearningCurvesInfo() {
  return {"learning-curves", /*version=*/7,
          "Accuracy over the length of trainings, and what each gains over its baseline, with "
          "bootstrap intervals."};
}

// Writes curves.md and curves.csv (curves_text.h), and result.textproto and result.json
// (Evaluation) with the same tables and two charts per column and baseline: accuracies with the
// spread of seeds, gains with their intervals; where that would be more lines than colours, one
// chart per column with an interval for every row. What is planned and not kept is counted and
// warned of.
// \error kInvalidArgument if --plan is missing; those of ReadTrainingPlan and ReadKeptLinks.
absl::Status RunLearningCurves(const v1::LearningCurvesOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_CURVES_LEARNING_CURVES_STAGE_H_
