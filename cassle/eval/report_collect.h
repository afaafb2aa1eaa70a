// Probe results -> table: which number goes where, averages over seeds, the best of each column.
#ifndef CASSLE_EVAL_REPORT_COLLECT_H_
#define CASSLE_EVAL_REPORT_COLLECT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/base/stage.pb.h"
#include "cassle/eval/linear_probe_result.pb.h"
#include "cassle/eval/report_options.pb.h"
#include "cassle/eval/report_table.pb.h"

namespace cassle {

// One of --results.
struct ReportInput {
  std::string row;
  // "" or what goes before the targets' names.
  std::string group;
  v1::LinearProbeResult result;
  v1::StageManifest manifest;
};

// The target behind a run of the table.
const v1::LinearProbeTarget& TargetOf(const std::vector<ReportInput>& inputs,
                                      const v1::ReportRun& run);

// \error kInvalidArgument for lists of unequal length; kNotFound or kDataLoss for folders that are
// no complete output of linear-probe.
absl::StatusOr<std::vector<ReportInput>> ReadReportInputs(const v1::ReportOptions& options);

// Rows and columns in the order they first appear, or as options.columns says.
// \error kInvalidArgument for a column that nothing has (naming those there are);
// kFailedPrecondition if the numbers of a column were measured on different test sets.
absl::StatusOr<v1::ReportTable> CollectTable(const v1::ReportOptions& options,
                                             const std::vector<ReportInput>& inputs);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORT_COLLECT_H_
