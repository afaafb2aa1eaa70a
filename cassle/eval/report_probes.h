// The parts of the page that only linear probes have.
#ifndef CASSLE_EVAL_REPORT_PROBES_H_
#define CASSLE_EVAL_REPORT_PROBES_H_

#include <string>
#include <vector>

#include "cassle/eval/report_inputs.h"
#include "cassle/eval/report_table.pb.h"

namespace cassle {

// Validation accuracy over the regulariser, one chart per column, and accuracy per class.
std::string ProbeDetails(const v1::ReportTable& table, const std::vector<ReportInput>& inputs);

// What the numbers of one source were made from; and warnings.
std::string ProbeRuns(const v1::ReportTable& table, const std::vector<ReportInput>& inputs,
                      int source);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORT_PROBES_H_
