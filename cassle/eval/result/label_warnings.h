// What an evaluation of class targets says about its labels and images.
#ifndef CASSLE_EVAL_RESULT_LABEL_WARNINGS_H_
#define CASSLE_EVAL_RESULT_LABEL_WARNINGS_H_

#include <vector>

#include "absl/status/status.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// Warnings: images that are in both sets or have several classes, features that are all the same,
// rows that are left out, classes that were not learnt. Notes: classes without images.
// \error those of EqualImageWarnings.
absl::Status AddLabelWarnings(const TrainAndTest& sets, const std::vector<LearntTarget>& targets,
                              v1::Evaluation* evaluation, StageContext* context);

}  // namespace cassle

#endif  // CASSLE_EVAL_RESULT_LABEL_WARNINGS_H_
