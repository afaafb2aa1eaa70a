// Results that linear-probe wrote before it wrote evaluations (version 1 of the stage).
#ifndef CASSLE_EVAL_REPORTING_OLD_PROBE_RESULT_H_
#define CASSLE_EVAL_REPORTING_OLD_PROBE_RESULT_H_

#include <string>

#include "absl/status/statusor.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/stage/stage.pb.h"

namespace cassle {

bool IsOldProbeResult(const v1::StageManifest& manifest);

// The result.textproto at `path`, a LinearProbeResult, as the evaluation that it would be today.
// \error those of ReadStoredTextProto.
absl::StatusOr<v1::Evaluation> ReadOldProbeResult(const std::string& path);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_OLD_PROBE_RESULT_H_
