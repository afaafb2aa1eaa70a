// A result table as Markdown and as CSV.
#ifndef CASSLE_EVAL_REPORT_TEXT_H_
#define CASSLE_EVAL_REPORT_TEXT_H_

#include <string>

#include "cassle/eval/report_table.pb.h"

namespace cassle {

// "71.3", "71.3 ± 0.8", or "-" when there is no run: per cent with one decimal.
std::string CellText(const v1::ReportCell& cell);

// Two standard errors of a difference of two accuracies around 70 % on num_test images each, in
// points: below it a difference may well be chance.
double NoisePoints(int64_t num_test);

// One line per row, aligned for reading as it is; best of each column in bold, the most frequent
// class as the last row.
std::string TableMarkdown(const v1::ReportTable& table);

// One line per run, all digits:
// row,column,source,test_top1,test_class_avg,chance,val_accuracy,best_w,num_test,best
std::string TableCsv(const v1::ReportTable& table);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORT_TEXT_H_
