#include "cassle/eval/reporting/report_stage.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/reporting/follow_runs.h"
#include "cassle/eval/reporting/report_collect.h"
#include "cassle/eval/reporting/report_html.h"
#include "cassle/eval/reporting/report_inputs.h"
#include "cassle/eval/reporting/report_latex.h"
#include "cassle/eval/reporting/report_text.h"
#include "cassle/eval/reporting/report_text_tables.h"

namespace cassle {

StageInfo ReportInfo() {
  return {.name = "report",
          .version = 9,
          .summary =
              "Puts results of evaluation stages and trainings into tables (Markdown, LaTeX, CSV, "
              "JSON) and one self-contained page with charts; with --follow also of trainings "
              "that are going on.",
          // What is going on is no input yet.
          .resolve = [](google::protobuf::Message* options, StageContext* context) {
            return FollowRuns(static_cast<v1::ReportOptions*>(options), *context);
          }};
}

absl::Status RunReport(const v1::ReportOptions& options, StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<ReportInput> inputs, ReadReportInputs(options));
  CASSLE_ASSIGN_OR_RETURN(const v1::ReportTable table, CollectTable(options, inputs));
  for (const std::string& mixed : MixedRunsSentences(inputs)) context.NoteWarning(mixed);
  CASSLE_ASSIGN_OR_RETURN(const std::string json, ToJson(table));
  if (!context.output_dir().empty()) {
    const std::string scores = TableMarkdown(table), tables = TextTablesMarkdown(inputs);
    const std::string gap = scores.empty() || tables.empty() ? "" : "\n";
    for (const auto& [name, text] :
         {std::pair<const char*, std::string>{"table.md", absl::StrCat(scores, gap, tables)},
          {"table.tex", TableLatex(table)},
          {"scores.csv", ScoresCsv(table)},
          {"table.json", absl::StrCat(json, "\n")},
          {"report.html", ReportHtml(table, inputs)}}) {
      CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context.output_dir(), name), text));
    }
  }
  context.Count("results", inputs.size());
  context.Count("rows", RowNames(inputs).size());
  int columns = 0;
  for (const v1::StageTable& stage : table.stages()) columns += stage.columns_size();
  context.Count("columns", columns);
  return context.SetResult(table);
}

}  // namespace cassle
