// Results -> tables: which number goes where, averages over seeds, the best of each column.
#ifndef CASSLE_EVAL_REPORTING_REPORT_COLLECT_H_
#define CASSLE_EVAL_REPORTING_REPORT_COLLECT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/eval/reporting/report_inputs.h"
#include "cassle/eval/reporting/report_options.pb.h"
#include "cassle/eval/reporting/report_table.pb.h"

namespace cassle {

// One table per stage; rows and columns in the order they first appear, or as options.columns says.
// \error kInvalidArgument for a column or a metric that nothing has (naming those there are), and
// for a column named twice; kFailedPrecondition if the numbers of a column were measured on
// different images or by different metrics, or if a cell would have one result twice.
absl::StatusOr<v1::ReportTable> CollectTable(const v1::ReportOptions& options,
                                             const std::vector<ReportInput>& inputs);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_COLLECT_H_
