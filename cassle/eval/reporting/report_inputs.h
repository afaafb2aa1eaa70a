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

  const std::string& stage() const { return manifest.stage(); }
};

// \error kInvalidArgument for lists of unequal length; kNotFound or kDataLoss for folders that are
// not complete or hold a damaged result or picture; kFailedPrecondition for folders of stages that
// leave no result to show.
absl::StatusOr<std::vector<ReportInput>> ReadReportInputs(const v1::ReportOptions& options);

// Rows in the order they first appear in any table: the number of a row is its colour on the page.
std::vector<std::string> RowNames(const std::vector<ReportInput>& inputs);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_INPUTS_H_
