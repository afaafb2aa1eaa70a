#include "cassle/eval/reporting/report_text_tables.h"

#include "absl/strings/str_cat.h"
#include "cassle/eval/charts/html_text.h"
#include "cassle/eval/result/text_table.h"

namespace cassle {
namespace {

// Whose it is, where there are several results.
std::string TitleOf(const std::vector<ReportInput>& inputs, int index, const v1::TextTable& table) {
  if (inputs.size() == 1) return table.title();
  return absl::StrCat(RunName(inputs, index), ": ", table.title());
}

std::string RowHtml(const v1::TextRow& row) {
  std::string html;
  for (const v1::TextCell& cell : row.cells()) {
    absl::StrAppend(&html, "<td", cell.strong() ? " class=\"best\"" : "", ">",
                    EscapeHtml(cell.text()), "</td>");
  }
  return absl::StrCat("<tr>", html, "</tr>\n");
}

std::string TableHtml(const std::string& title, const v1::TextTable& table) {
  std::string head, body;
  for (const std::string& column : table.columns()) {
    absl::StrAppend(&head, "<th scope=\"col\">", EscapeHtml(column), "</th>");
  }
  for (const v1::TextRow& row : table.rows()) body += RowHtml(row);
  const std::string note =
      table.note().empty() ? "" : absl::StrCat("<p>", EscapeHtml(table.note()), "</p>\n");
  return absl::StrCat("<h3>", EscapeHtml(title), "</h3>\n", note,
                      "<div class=\"scroll\"><table class=\"dense\">\n<thead><tr>", head,
                      "</tr></thead>\n<tbody>", body, "</tbody></table></div>\n");
}

}  // namespace

std::string TextTablesHtml(const std::string& stage, const std::vector<ReportInput>& inputs) {
  std::string html;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    if (inputs[i].stage() != stage) continue;
    for (const v1::TextTable& table : inputs[i].evaluation.tables()) {
      html += TableHtml(TitleOf(inputs, i, table), table);
    }
  }
  return html;
}

std::string TextTablesMarkdown(const std::vector<ReportInput>& inputs) {
  std::string text;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    for (const v1::TextTable& table : inputs[i].evaluation.tables()) {
      absl::StrAppend(&text, text.empty() ? "" : "\n", "**",
                      MarkdownText(TitleOf(inputs, i, table)), "**\n\n",
                      table.note().empty() ? "" : absl::StrCat(MarkdownText(table.note()), "\n\n"),
                      MarkdownTable(table));
    }
  }
  return text;
}

}  // namespace cassle
