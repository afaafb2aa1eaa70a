// Result tables as LaTeX.
#ifndef CASSLE_EVAL_REPORTING_REPORT_LATEX_H_
#define CASSLE_EVAL_REPORTING_REPORT_LATEX_H_

#include <string>

#include "cassle/eval/reporting/report_table.pb.h"

namespace cassle {

// One table environment per stage, to be \input where booktabs is loaded: best of each column in
// bold, label tab:STAGE. Names keep their UTF-8 letters; what LaTeX would take as a command is
// escaped.
std::string TableLatex(const v1::ReportTable& report);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_LATEX_H_
