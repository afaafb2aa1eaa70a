#include "cassle/eval/reporting/report_inputs.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/reporting/evaluation_charts.h"
#include "cassle/eval/reporting/old_probe_result.h"
#include "cassle/eval/reporting/report_pictures.h"
#include "cassle/eval/reporting/report_settings.h"
#include "cassle/eval/reporting/training_curves.h"
#include "cassle/eval/result/text_table.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr char kResultName[] = "result.textproto";
// Of a model folder of pretrain.
constexpr char kConfigName[] = "config.textproto";

absl::Status NothingToShow(const std::string& folder, const ReportInput& input) {
  return absl::FailedPreconditionError(
      absl::StrCat(folder, " is an output of ", input.stage(),
                   "; report reads results of evaluation stages (docs/evaluation.md) and models of "
                   "pretrain"));
}

absl::Status ReadEvaluation(const std::string& folder, ReportInput* input) {
  v1::Evaluation& evaluation = input->evaluation;
  const absl::Status read = ReadStoredTextProto(JoinPath(folder, kResultName), &evaluation);
  // Other stages may well have a result.textproto of their own.
  if (evaluation.stage() != input->stage()) return NothingToShow(folder, *input);
  CASSLE_RETURN_IF_ERROR(read);
  const auto damaged = [&](const auto& what) {
    return absl::DataLossError(absl::StrCat(JoinPath(folder, kResultName), ": ", what));
  };
  for (const v1::Score& score : evaluation.scores()) {
    if (std::isfinite(score.value())) continue;
    return damaged(absl::StrCat("the score \"", score.name(), "\" is not finite"));
  }
  for (const v1::Chart& chart : evaluation.charts()) {
    const absl::Status checked = CheckChart(chart);
    if (!checked.ok()) return damaged(checked.message());
  }
  for (const v1::TextTable& table : evaluation.tables()) {
    const absl::Status checked = CheckTextTable(table);
    if (!checked.ok()) return damaged(checked.message());
  }
  for (const v1::Picture& picture : evaluation.pictures()) {
    CASSLE_ASSIGN_OR_RETURN(std::string uri, PictureAsUri(folder, picture.file()));
    input->pictures.push_back({picture.title(), std::move(uri)});
  }
  return absl::OkStatus();
}

// Everything that pretrain filled in is in its config; the manifest has what was asked for.
std::string SettingsOfFolder(const std::string& folder, const v1::StageManifest& manifest) {
  return ReadFile(JoinPath(folder, kConfigName)).value_or(manifest.options());
}

// "model.partial: epoch 3 of 10, step 61"
std::string Progress(const std::string& folder, const Training& training,
                     const std::string& settings) {
  std::string epochs;
  for (const auto& [path, value] : SettingsOf(settings)) {
    if (path == "epochs") epochs = absl::StrCat(" of ", value);
  }
  return absl::StrCat(folder, ": epoch ", training.epoch, epochs, ", step ", training.step);
}

absl::Status ReadUnfinished(const std::string& folder, ReportInput* input) {
  CASSLE_ASSIGN_OR_RETURN(input->manifest, ReadRecord(folder));
  if (!HoldsTraining(folder)) return NothingToShow(folder, *input);
  CASSLE_ASSIGN_OR_RETURN(Training training,
                          ReadTraining(folder, input->manifest, /*finished=*/false));
  input->settings = SettingsOfFolder(folder, input->manifest);
  input->progress = Progress(folder, training, input->settings);
  input->evaluation = std::move(training.evaluation);
  return absl::OkStatus();
}

absl::Status ReadFolder(const std::string& folder, ReportInput* input) {
  if (absl::EndsWith(folder, kPartialEnding)) return ReadUnfinished(folder, input);
  CASSLE_RETURN_IF_ERROR(RequireComplete(folder));
  CASSLE_ASSIGN_OR_RETURN(input->manifest, ReadManifest(folder));
  input->settings = SettingsOfFolder(folder, input->manifest);
  const std::string result = JoinPath(folder, kResultName);
  if (IsOldProbeResult(input->manifest)) {
    CASSLE_ASSIGN_OR_RETURN(input->evaluation, ReadOldProbeResult(result));
    return absl::OkStatus();
  }
  if (FileExists(result)) return ReadEvaluation(folder, input);
  if (!HoldsTraining(folder)) return NothingToShow(folder, *input);
  CASSLE_ASSIGN_OR_RETURN(Training training,
                          ReadTraining(folder, input->manifest, /*finished=*/true));
  input->evaluation = std::move(training.evaluation);
  return absl::OkStatus();
}

// Runs that differ in seeds alone are averaged.
bool IsSeed(const std::string& path) { return path == "seed" || absl::EndsWith(path, "_seed"); }

// Whether some column has a number of both.
bool MeetInACell(const ReportInput& a, const ReportInput& b) {
  const auto& of_a = a.evaluation.scores();
  const auto& of_b = b.evaluation.scores();
  return a.IsTraining() || std::any_of(of_a.begin(), of_a.end(), [&](const v1::Score& score) {
           return std::any_of(of_b.begin(), of_b.end(),
                              [&](const v1::Score& other) { return other.name() == score.name(); });
         });
}

// Whether two runs that would be averaged differ in this.
bool TellsApart(const SettingRow& row, const std::vector<ReportInput>& inputs,
                const std::vector<int>& members) {
  for (size_t a = 0; a < members.size(); ++a) {
    for (size_t b = 0; b < a; ++b) {
      if (row.values[a] == row.values[b]) continue;
      if (MeetInACell(inputs[members[a]], inputs[members[b]])) return true;
    }
  }
  return false;
}

// What runs of one encoder, as it calls itself, may differ in beside the numbers.
std::vector<SettingRow> Differences(const std::vector<ReportInput>& inputs,
                                    const std::vector<int>& members) {
  std::vector<SettingRow> rows = DifferingSettings(inputs, members);
  SettingRow preprocessing{"preprocessing", {}}, learnt_from{"train", {}};
  for (const int i : members) {
    const v1::Evaluation& evaluation = inputs[i].evaluation;
    preprocessing.values.push_back(ShownFingerprint(evaluation.preprocess_fingerprint()));
    std::string& train = learnt_from.values.emplace_back();
    for (const v1::EvaluatedSet& set : evaluation.sets()) {
      if (set.role() != "train") continue;
      train = absl::StrCat(set.split(), " of ", ShownFingerprint(set.dataset_fingerprint()));
    }
  }
  rows.push_back(std::move(preprocessing));
  rows.push_back(std::move(learnt_from));
  return rows;
}

// Runs that would be averaged, and what they differ in beside seeds.
struct MixedRuns {
  std::vector<int> members;
  std::vector<SettingRow> differences;
};

std::vector<MixedRuns> FindMixedRuns(const std::vector<ReportInput>& inputs) {
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<int>> alike;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    const ReportInput& input = inputs[i];
    alike[{input.stage(), input.group, input.row}].push_back(i);
  }
  std::vector<MixedRuns> found;
  for (const auto& [name, members] : alike) {
    MixedRuns mixed{members, {}};
    for (SettingRow& row : Differences(inputs, members)) {
      if (IsSeed(row.path) || !TellsApart(row, inputs, members)) continue;
      mixed.differences.push_back(std::move(row));
    }
    if (!mixed.differences.empty()) found.push_back(std::move(mixed));
  }
  return found;
}

// What is called by the same words, method and epochs, may differ in everything else.
void TellApart(std::vector<ReportInput>* inputs) {
  for (const MixedRuns& mixed : FindMixedRuns(*inputs)) {
    for (const SettingRow& row : mixed.differences) {
      for (size_t m = 0; m < mixed.members.size(); ++m) {
        absl::StrAppend(&(*inputs)[mixed.members[m]].row, ", ", row.path, "=", row.values[m]);
      }
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<ReportInput>> ReadReportInputs(const v1::ReportOptions& options,
                                                          const std::vector<std::string>& folders) {
  const int n = static_cast<int>(folders.size());
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
  std::vector<ReportInput> inputs;
  for (int i = 0; i < n; ++i) {
    if (folders[i].empty()) continue;
    ReportInput& input = inputs.emplace_back();
    CASSLE_RETURN_IF_ERROR(ReadFolder(folders[i], &input));
    input.row = options.names_size() > 0 ? options.names(i) : input.evaluation.encoder();
    if (options.groups_size() > 0 && options.groups(i) != "-") input.group = options.groups(i);
  }
  if (options.names_size() == 0) TellApart(&inputs);
  return inputs;
}

absl::StatusOr<std::vector<ReportInput>> ReadReportInputs(const v1::ReportOptions& options) {
  return ReadReportInputs(options, {options.results().begin(), options.results().end()});
}

std::vector<std::string> MixedRunsSentences(const std::vector<ReportInput>& inputs) {
  std::vector<std::string> sentences;
  for (const MixedRuns& mixed : FindMixedRuns(inputs)) {
    const ReportInput& first = inputs[mixed.members.front()];
    sentences.push_back(absl::StrCat(
        first.stage(), ", row '", first.row, "'", first.group.empty() ? "" : " of ", first.group,
        ": runs that are averaged differ in more than seeds: ",
        absl::StrJoin(mixed.differences, ", ", [](std::string* out, const SettingRow& row) {
          absl::StrAppend(out, row.path);
        })));
  }
  return sentences;
}

std::string RunInGroup(const std::vector<ReportInput>& inputs, int index) {
  int run = 1;
  for (int i = 0; i < index; ++i) {
    run += inputs[i].row == inputs[index].row && inputs[i].stage() == inputs[index].stage() &&
           inputs[i].group == inputs[index].group;
  }
  return run == 1 ? inputs[index].row : absl::StrCat(inputs[index].row, ", run ", run);
}

std::string RunName(const std::vector<ReportInput>& inputs, int index) {
  const std::string& group = inputs[index].group;
  return absl::StrCat(RunInGroup(inputs, index), group.empty() ? "" : ", ", group);
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
