#include "cassle/eval/report_stage.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/report_collect.h"
#include "cassle/eval/report_html.h"
#include "cassle/eval/report_text.h"

namespace cassle {

absl::Status RunReport(const v1::ReportOptions& options, StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<ReportInput> inputs, ReadReportInputs(options));
  CASSLE_ASSIGN_OR_RETURN(const v1::ReportTable table, CollectTable(options, inputs));
  CASSLE_ASSIGN_OR_RETURN(const std::string json, ToJson(table));
  if (!context.output_dir().empty()) {
    for (const auto& [name, text] :
         {std::pair<const char*, std::string>{"table.md", TableMarkdown(table)},
          {"table.csv", TableCsv(table)},
          {"table.json", absl::StrCat(json, "\n")},
          {"report.html", ReportHtml(table, inputs)}}) {
      CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context.output_dir(), name), text));
    }
  }
  context.Count("rows", table.rows_size());
  context.Count("columns", table.columns_size());
  return context.SetResult(table);
}

}  // namespace cassle
