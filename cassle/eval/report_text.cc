#include "cassle/eval/report_text.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace cassle {
namespace {

// Letters on the screen: UTF-8 continuation bytes take no room.
size_t Width(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

std::string MarkdownText(const std::string& text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"\n", " "}});
}

}  // namespace

std::string CellText(const v1::ReportCell& cell) {
  if (!cell.has_value()) return "-";
  std::string text = absl::StrFormat("%.1f", 100 * cell.value());
  if (cell.has_spread()) absl::StrAppendFormat(&text, " ± %.1f", 100 * cell.spread());
  return text;
}

double NoisePoints(int64_t num_test) {
  return num_test == 0 ? 0 : 100 * 2 * std::sqrt(2 * 0.7 * 0.3 / num_test);
}

std::string TableMarkdown(const v1::ReportTable& table) {
  std::vector<std::vector<std::string>> lines;
  lines.push_back({"encoder"});
  for (const v1::ReportColumn& column : table.columns()) {
    lines[0].push_back(MarkdownText(column.name()));
  }
  for (const v1::ReportRow& row : table.rows()) {
    lines.push_back({MarkdownText(row.name())});
    for (const v1::ReportCell& cell : row.cells()) {
      lines.back().push_back(cell.best() ? absl::StrCat("**", CellText(cell), "**")
                                         : CellText(cell));
    }
  }
  lines.push_back({"*most frequent class*"});
  for (const v1::ReportColumn& column : table.columns()) {
    lines.back().push_back(absl::StrFormat("%.1f", 100 * column.chance()));
  }
  std::vector<size_t> widths(table.columns_size() + 1, 3);
  for (const auto& line : lines) {
    for (size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], Width(line[c]));
  }
  std::string text = absl::StrCat(
      "**", MarkdownText(table.title()), "** (test ",
      table.metric() == "top1" ? "top-1 accuracy" : "mean accuracy of the classes", ", %)\n\n");
  for (size_t l = 0; l < lines.size(); ++l) {
    for (size_t c = 0; c < lines[l].size(); ++c) {
      const std::string space(widths[c] - Width(lines[l][c]), ' ');
      absl::StrAppend(&text, "| ", c == 0 ? lines[l][c] + space : space + lines[l][c], " ");
    }
    absl::StrAppend(&text, "|\n");
    if (l != 0) continue;
    for (size_t c = 0; c < widths.size(); ++c) {
      const std::string dashes(widths[c] - 1, '-');
      absl::StrAppend(&text, "| ", c == 0 ? dashes + "-" : dashes + ":", " ");
    }
    absl::StrAppend(&text, "|\n");
  }
  return text;
}

std::string TableCsv(const v1::ReportTable& table) {
  std::string text =
      "row,column,source,test_top1,test_class_avg,chance,val_accuracy,best_w,num_test,best\n";
  for (const v1::ReportRow& row : table.rows()) {
    for (int c = 0; c < row.cells_size(); ++c) {
      const v1::ReportColumn& column = table.columns(c);
      for (const v1::ReportRun& run : row.cells(c).runs()) {
        absl::StrAppendFormat(&text, "%s,%s,%d,%.17g,%.17g,%.17g,%.17g,%.17g,%d,%d\n",
                              CsvField(row.name()), CsvField(column.name()), run.source(),
                              run.test_top1(), run.test_class_avg(), column.chance(),
                              run.val_accuracy(), run.best_w(), column.num_test(),
                              row.cells(c).best());
      }
    }
  }
  return text;
}

}  // namespace cassle
