// What report reads: result folders of any evaluation stage, and models of pretrain.
#ifndef CASSLE_EVAL_REPORTING_REPORT_INPUTS_H_
#define CASSLE_EVAL_REPORTING_REPORT_INPUTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/eval/reporting/report_options.pb.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/stage/stage.pb.h"

namespace cassle {

// A picture of a result, ready for the page.
struct ReportPicture {
  std::string title;
  // "data:image/...".
  std::string uri;
};

// One of --results.
struct ReportInput {
  std::string row;
  // "" or what goes before the names of columns and charts.
  std::string group;
  v1::StageManifest manifest;
  v1::Evaluation evaluation;
  std::vector<ReportPicture> pictures;
  // In text format: every one of a training, of other stages those of the manifest.
  std::string settings;
  // Of a training that is not finished: how far it is, a sentence.
  std::string progress;

  const std::string& stage() const { return manifest.stage(); }
  bool IsTraining() const { return stage() == "pretrain"; }
};

// Without --names results of one encoder that would be averaged are told apart by what they differ
// in, seeds apart: settings, preprocessing, and what was learnt from.
//   folders  in place of --results; of unfinished trainings OUTPUT.partial; empty: left out.
// \error kInvalidArgument for lists of unequal length; kNotFound or kDataLoss for folders that are
// not complete (nor trainings that are going on) or hold a damaged result or picture;
// kFailedPrecondition for folders of stages that leave no result to show.
absl::StatusOr<std::vector<ReportInput>> ReadReportInputs(const v1::ReportOptions& options,
                                                          const std::vector<std::string>& folders);

// The folders are those of --results, and complete.
absl::StatusOr<std::vector<ReportInput>> ReadReportInputs(const v1::ReportOptions& options);

// Warnings of rows that average what differs in more than seeds, as only --names can make them.
std::vector<std::string> MixedRunsSentences(const std::vector<ReportInput>& inputs);

// "encoder", or "encoder, run 2" where a row has several of one stage and group.
std::string RunInGroup(const std::vector<ReportInput>& inputs, int index);

// The same where the group is not named otherwise: "encoder, run 2, cifar10".
std::string RunName(const std::vector<ReportInput>& inputs, int index);

// Rows in the order they first appear in any table: the number of a row is its colour on the page.
std::vector<std::string> RowNames(const std::vector<ReportInput>& inputs);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_INPUTS_H_
