// The stage report: results in, tables and a page out, for people and for scripts.
#ifndef CASSLE_EVAL_REPORTING_REPORT_STAGE_H_
#define CASSLE_EVAL_REPORTING_REPORT_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/reporting/report_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo ReportInfo();

// Writes report.html, table.md, table.tex, scores.csv (all numbers) and table.json (ReportTable);
// the result is the latter.
// \error as ReadReportInputs and CollectTable.
absl::Status RunReport(const v1::ReportOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_STAGE_H_
