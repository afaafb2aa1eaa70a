// A model folder of pretrain as an evaluation: what the training measured of itself.
#ifndef CASSLE_EVAL_REPORTING_TRAINING_CURVES_H_
#define CASSLE_EVAL_REPORTING_TRAINING_CURVES_H_

#include <string>

#include "absl/status/statusor.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/stage/stage.pb.h"

namespace cassle {

// Points that a curve is drawn with at most: neighbouring steps are averaged.
inline constexpr int kMaxCurvePoints = 200;

// Whether the folder has what ReadTraining reads.
bool HoldsTraining(const std::string& folder);

// Curves of everything in metrics.jsonl that cassle/training_log/metrics.proto knows (steps on the
// x axis, epochs for the monitors), and as scores the last values of those that tell a good run
// from a bad one.
// \error kDataLoss naming file and line of what is no metrics line; kNotFound if a file is missing.
absl::StatusOr<v1::Evaluation> ReadTraining(const std::string& folder,
                                            const v1::StageManifest& manifest);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_TRAINING_CURVES_H_
