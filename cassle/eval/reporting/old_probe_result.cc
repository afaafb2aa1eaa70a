#include "cassle/eval/reporting/old_probe_result.h"

#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/result/linear_probe_result.pb.h"
#include "cassle/eval/result/probe_evaluation.h"

namespace cassle {
namespace {

constexpr char kStage[] = "linear-probe";

}  // namespace

bool IsOldProbeResult(const v1::StageManifest& manifest) {
  return manifest.stage() == kStage && manifest.version() == 1;
}

absl::StatusOr<v1::Evaluation> ReadOldProbeResult(const std::string& path) {
  v1::LinearProbeResult result;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(path, &result));
  v1::Evaluation evaluation;
  evaluation.set_stage(kStage);
  evaluation.set_title(kProbeTitle);
  evaluation.set_encoder(result.encoder());
  evaluation.set_weights_fingerprint(result.weights_fingerprint());
  evaluation.set_preprocess_fingerprint(result.preprocess_fingerprint());
  evaluation.set_num_features(result.num_features());
  *evaluation.mutable_sets() = result.sets();
  for (const v1::LinearProbeTarget& target : result.targets()) AddProbeTarget(target, &evaluation);
  return evaluation;
}

}  // namespace cassle
