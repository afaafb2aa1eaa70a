// A model folder of pretrain as an evaluation, finished or not: what the training measured of
// itself.
#ifndef CASSLE_EVAL_REPORTING_TRAINING_CURVES_H_
#define CASSLE_EVAL_REPORTING_TRAINING_CURVES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/stage/stage.pb.h"

namespace cassle {

// Points that a curve is drawn with at most: neighbouring steps are averaged.
inline constexpr int kMaxCurvePoints = 200;

// A training as far as it came.
struct Training {
  v1::Evaluation evaluation;
  // Of the last line of its metrics; 0 before the first.
  int64_t step = 0;
  int64_t epoch = 0;
};

// Whether the folder has what ReadTraining reads.
bool HoldsTraining(const std::string& folder);

// Curves of everything that pretrain writes to metrics.jsonl (cassle/training_log/metrics.proto;
// steps on the x axis, epochs for the monitors), and as scores the last values of those that tell a
// good run from a bad one, as far as they are finite.
//   finished  else the run may be writing a line just now, and what has no end yet is not read.
// \error kDataLoss naming file and line of what is no metrics line; kNotFound if a file is missing.
absl::StatusOr<Training> ReadTraining(const std::string& folder, const v1::StageManifest& manifest,
                                      bool finished);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_TRAINING_CURVES_H_
