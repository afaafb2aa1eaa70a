// Tables that results bring with them (v1::TextTable), on the page and as Markdown.
#ifndef CASSLE_EVAL_REPORTING_REPORT_TEXT_TABLES_H_
#define CASSLE_EVAL_REPORTING_REPORT_TEXT_TABLES_H_

#include <string>
#include <vector>

#include "cassle/eval/reporting/report_inputs.h"

namespace cassle {

// Those of one stage, one below the other; empty: there are none.
std::string TextTablesHtml(const std::string& stage, const std::vector<ReportInput>& inputs);

// Those of all stages.
std::string TextTablesMarkdown(const std::vector<ReportInput>& inputs);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_TEXT_TABLES_H_
