#include "cassle/augment/training_record.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr char kStage[] = "pretrain";
// Of a model folder.
constexpr char kPolicyName[] = "policy.textproto";

absl::Status Damaged(const std::string& run, const std::string& what) {
  return absl::DataLossError(
      absl::StrCat("--run: ", run, " does not say its ", what, ": run the training again"));
}

template <typename Number>
absl::Status ReadNumber(const std::string& run, const std::string& name, const std::string& text,
                        Number* number) {
  return absl::SimpleAtoi(text, number) ? absl::OkStatus() : Damaged(run, name);
}

}  // namespace

absl::StatusOr<TrainingRecord> ReadTrainingRecord(const std::string& run) {
  const absl::StatusOr<v1::StageManifest> manifest = ReadRecord(run);
  if (!manifest.ok()) return Annotate(manifest.status(), "--run");
  if (manifest->stage() != kStage) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--run: ", run, " is an output of ", manifest->stage(), "; name a training of pretrain"));
  }
  TrainingRecord record;
  absl::StatusOr<v1::Policy> policy = ReadStoredPolicy(JoinPath(run, kPolicyName));
  if (!policy.ok()) return Annotate(policy.status(), "--run");
  record.policy = *std::move(policy);
  for (const auto& [path, value] : SettingsOf(manifest->options())) {
    if (path == "epochs") CASSLE_RETURN_IF_ERROR(ReadNumber(run, path, value, &record.epochs));
    if (path == "seed") CASSLE_RETURN_IF_ERROR(ReadNumber(run, path, value, &record.seed));
    if (path == "batch_size") {
      CASSLE_RETURN_IF_ERROR(ReadNumber(run, path, value, &record.batch_size));
    }
    if (path == "split") {
      absl::string_view quoted = value;
      if (!absl::ConsumePrefix(&quoted, "\"") || !absl::ConsumeSuffix(&quoted, "\"") ||
          !absl::CUnescape(quoted, &record.split)) {
        return Damaged(run, path);
      }
    }
  }
  if (record.batch_size < 1) return Damaged(run, "batch_size");
  for (const v1::InputFingerprint& input : manifest->inputs()) {
    if (input.field() == "input") record.input_fingerprint = input.fingerprint();
    if (input.field() == "views") record.views_fingerprint = input.fingerprint();
  }
  // Trainings from before they said it: nearly all methods take two, or what the policy fixes.
  record.views = NumViews(record.policy) > 0 ? NumViews(record.policy) : 2;
  for (const v1::Count& count : manifest->counts()) {
    if (count.name() == kViewsCount) record.views = static_cast<int>(count.value());
  }
  if (record.views < 1) return Damaged(run, "number of views");
  return record;
}

absl::StatusOr<std::string> FingerprintOfTraining(const std::string& run) {
  if (run.empty()) return std::string();
  CASSLE_ASSIGN_OR_RETURN(const TrainingRecord record, ReadTrainingRecord(run));
  Fingerprinter fingerprint;
  fingerprint.UpdateField(PrintTextProto(record.policy));
  fingerprint.UpdateField(record.split);
  fingerprint.UpdateField(
      absl::StrCat(record.seed, " ", record.batch_size, " ", record.epochs, " ", record.views));
  fingerprint.UpdateField(record.input_fingerprint);
  fingerprint.UpdateField(record.views_fingerprint);
  return fingerprint.Hex();
}

}  // namespace cassle
