// A report as one self-contained HTML page: a section per stage with its table, charts and
// pictures, and what each number was made from.
#ifndef CASSLE_EVAL_REPORTING_REPORT_HTML_H_
#define CASSLE_EVAL_REPORTING_REPORT_HTML_H_

#include <string>
#include <vector>

#include "cassle/eval/reporting/report_inputs.h"
#include "cassle/eval/reporting/report_table.pb.h"

namespace cassle {

// What a page says of itself while what it shows is going on.
struct ReportNews {
  // After which the browser loads the page again; 0: never.
  int reload_seconds = 0;
  std::vector<std::string> lines;
};

// Needs no network and no script. `inputs` are those that `report` was collected from. Cells of the
// tables carry their unrounded value in data-value.
std::string ReportHtml(const v1::ReportTable& report, const std::vector<ReportInput>& inputs,
                       const ReportNews& news = {});

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_HTML_H_
