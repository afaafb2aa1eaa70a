#include "cassle/eval/reporting/report_inputs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/reporting/evaluation_charts.h"
#include "cassle/eval/reporting/old_probe_result.h"
#include "cassle/eval/reporting/report_pictures.h"
#include "cassle/eval/reporting/training_curves.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr char kResultName[] = "result.textproto";

// What is wrong with a result is wrong with the data, not with the command.
absl::Status ReadResult(const std::string& folder, google::protobuf::Message* result) {
  const absl::Status read = ReadTextProto(JoinPath(folder, kResultName), result);
  return read.ok() ? read : absl::DataLossError(read.message());
}

absl::Status NothingToShow(const std::string& folder, const ReportInput& input) {
  return absl::FailedPreconditionError(
      absl::StrCat(folder, " is an output of ", input.stage(),
                   "; report reads results of evaluation stages (docs/evaluation.md) and models of "
                   "pretrain"));
}

absl::Status ReadEvaluation(const std::string& folder, ReportInput* input) {
  v1::Evaluation& evaluation = input->evaluation;
  const absl::Status read = ReadResult(folder, &evaluation);
  // Other stages may well have a result.textproto of their own.
  if (evaluation.stage() != input->stage()) return NothingToShow(folder, *input);
  CASSLE_RETURN_IF_ERROR(read);
  for (const v1::Score& score : evaluation.scores()) {
    if (std::isfinite(score.value())) continue;
    return absl::DataLossError(absl::StrCat(JoinPath(folder, kResultName), ": the score \"",
                                            score.name(), "\" is not finite"));
  }
  for (const v1::Chart& chart : evaluation.charts()) {
    const absl::Status checked = CheckChart(chart);
    if (checked.ok()) continue;
    return absl::DataLossError(
        absl::StrCat(JoinPath(folder, kResultName), ": ", checked.message()));
  }
  for (const v1::Picture& picture : evaluation.pictures()) {
    CASSLE_ASSIGN_OR_RETURN(std::string uri, PictureAsUri(folder, picture.file()));
    input->pictures.push_back({picture.title(), std::move(uri)});
  }
  return absl::OkStatus();
}

absl::Status ReadFolder(const std::string& folder, ReportInput* input) {
  CASSLE_RETURN_IF_ERROR(RequireComplete(folder));
  CASSLE_ASSIGN_OR_RETURN(input->manifest, ReadManifest(folder));
  const std::string result = JoinPath(folder, kResultName);
  if (IsOldProbeResult(input->manifest)) {
    absl::StatusOr<v1::Evaluation> evaluation = ReadOldProbeResult(result);
    if (!evaluation.ok()) return absl::DataLossError(evaluation.status().message());
    input->evaluation = *std::move(evaluation);
    return absl::OkStatus();
  }
  if (FileExists(result)) return ReadEvaluation(folder, input);
  if (!HoldsTraining(folder)) return NothingToShow(folder, *input);
  CASSLE_ASSIGN_OR_RETURN(input->evaluation, ReadTraining(folder, input->manifest));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ReportInput>> ReadReportInputs(const v1::ReportOptions& options) {
  const int n = options.results_size();
  if (n == 0) {
    return absl::InvalidArgumentError(
        "--results is missing: name output folders of evaluation stages or models");
  }
  for (const auto& [flag, size] : {std::pair<const char*, int>{"names", options.names_size()},
                                   {"groups", options.groups_size()}}) {
    if (size != 0 && size != n) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " has ", size, " entries, --results ", n));
    }
  }
  std::vector<ReportInput> inputs(n);
  for (int i = 0; i < n; ++i) {
    ReportInput& input = inputs[i];
    CASSLE_RETURN_IF_ERROR(ReadFolder(options.results(i), &input));
    input.row = options.names_size() > 0 ? options.names(i) : input.evaluation.encoder();
    if (options.groups_size() > 0 && options.groups(i) != "-") input.group = options.groups(i);
  }
  return inputs;
}

std::vector<std::string> RowNames(const std::vector<ReportInput>& inputs) {
  std::vector<std::string> names;
  for (const ReportInput& input : inputs) {
    if (std::find(names.begin(), names.end(), input.row) == names.end()) {
      names.push_back(input.row);
    }
  }
  return names;
}

}  // namespace cassle
