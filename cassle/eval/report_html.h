// A result table as one self-contained HTML page: the table, the validation curves behind the
// choice of each regulariser, accuracy per class, and what each number was made from.
#ifndef CASSLE_EVAL_REPORT_HTML_H_
#define CASSLE_EVAL_REPORT_HTML_H_

#include <string>
#include <vector>

#include "cassle/eval/report_collect.h"
#include "cassle/eval/report_table.pb.h"

namespace cassle {

// Needs no network and no script. `inputs` are those that `table` was collected from. Cells of the
// table carry their unrounded value in data-value.
std::string ReportHtml(const v1::ReportTable& table, const std::vector<ReportInput>& inputs);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORT_HTML_H_
