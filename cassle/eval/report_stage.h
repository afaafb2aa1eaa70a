// The stage report: results of probes in, one table out, for people and for scripts.
#ifndef CASSLE_EVAL_REPORT_STAGE_H_
#define CASSLE_EVAL_REPORT_STAGE_H_

#include "absl/status/status.h"
#include "cassle/base/stage.h"
#include "cassle/eval/report_options.pb.h"

namespace cassle {

inline const StageInfo kReportInfo = {
    "report", /*version=*/1,
    "Puts results of linear-probe into one table: Markdown, CSV, JSON and a self-contained page."};

// Writes table.md, table.csv, table.json (ReportTable) and report.html; the result is the table.
// \error as ReadReportInputs and CollectTable.
absl::Status RunReport(const v1::ReportOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORT_STAGE_H_
