#include "cassle/eval/result/text_table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace cassle {
namespace {

std::string Line(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

}  // namespace

absl::Status CheckTextTable(const v1::TextTable& table) {
  for (const v1::TextRow& row : table.rows()) {
    if (row.cells_size() == table.columns_size()) continue;
    return absl::DataLossError(absl::StrCat("table \"", table.title(), "\": a row has ",
                                            row.cells_size(), " cells for ", table.columns_size(),
                                            " columns"));
  }
  return absl::OkStatus();
}

std::string MarkdownText(const std::string& text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"<", "&lt;"}, {"\n", " "}});
}

std::string MarkdownTable(const v1::TextTable& table) {
  std::vector<std::string> names, alignments(table.columns_size(), "---:");
  for (const std::string& column : table.columns()) names.push_back(MarkdownText(column));
  if (!alignments.empty()) alignments[0] = "---";
  std::string text = Line(names) + Line(alignments);
  for (const v1::TextRow& row : table.rows()) {
    std::vector<std::string> cells;
    for (const v1::TextCell& cell : row.cells()) {
      const std::string shown = MarkdownText(cell.text());
      cells.push_back(cell.strong() && !shown.empty() ? absl::StrCat("**", shown, "**") : shown);
    }
    text += Line(cells);
  }
  return text;
}

}  // namespace cassle
