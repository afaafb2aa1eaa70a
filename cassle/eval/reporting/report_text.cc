#include "cassle/eval/reporting/report_text.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/csv.h"
#include "cassle/base/letters.h"
#include "cassle/eval/result/text_table.h"

namespace cassle {
namespace {

constexpr int kMaxColumns = 12;

// All digits.
std::string Exactly(double value) { return absl::StrFormat("%.17g", value); }

TextGrid MarkdownGrid(const v1::StageTable& table) {
  TextGrid grid = {{IsTurned(table) ? "score" : "encoder"}};
  for (const v1::ReportColumn& column : table.columns()) {
    grid[0].push_back(MarkdownText(ColumnHeading(table, column)));
  }
  for (const v1::ReportRow& row : table.rows()) {
    grid.push_back({MarkdownText(row.name())});
    for (int c = 0; c < row.cells_size(); ++c) {
      const std::string text = CellText(table.columns(c), row.cells(c));
      grid.back().push_back(row.cells(c).best() ? absl::StrCat("**", text, "**") : text);
    }
  }
  if (!HasChance(table)) return grid;
  grid.push_back({absl::StrCat("*", MarkdownText(ChanceName(table)), "*")});
  for (const v1::ReportColumn& column : table.columns()) {
    grid.back().push_back(column.has_chance() ? NumberText(column, column.chance()) : "-");
  }
  return grid;
}

// Columns padded to the same width.
std::string AlignedMarkdown(const TextGrid& grid) {
  std::vector<size_t> widths(grid[0].size(), 3);
  for (const auto& line : grid) {
    for (size_t c = 0; c < line.size(); ++c) {
      widths[c] = std::max<size_t>(widths[c], CountLetters(line[c]));
    }
  }
  std::string text;
  for (size_t l = 0; l < grid.size(); ++l) {
    for (size_t c = 0; c < grid[l].size(); ++c) {
      const std::string space(widths[c] - CountLetters(grid[l][c]), ' ');
      absl::StrAppend(&text, "| ", c == 0 ? grid[l][c] + space : space + grid[l][c], " ");
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

// The metric of most columns; of equally many the one that comes first. Empty unless every column
// is a fraction and says its metric.
std::string MainMetric(const v1::StageTable& table) {
  std::map<std::string, int> counts;
  for (const v1::ReportColumn& column : table.columns()) {
    if (column.metric().empty() || !column.is_fraction()) return "";
    ++counts[column.metric()];
  }
  std::string most;
  for (const v1::ReportColumn& column : table.columns()) {
    if (most.empty() || counts[column.metric()] > counts[most]) most = column.metric();
  }
  return most;
}

std::string Words(const std::string& metric) { return absl::StrReplaceAll(metric, {{"_", " "}}); }

bool AnyCell(const v1::StageTable& table, bool (*has)(const v1::ReportCell&)) {
  for (const v1::ReportRow& row : table.rows()) {
    if (std::any_of(row.cells().begin(), row.cells().end(), has)) return true;
  }
  return false;
}

}  // namespace

std::vector<v1::StageTable> TablesOf(const v1::ReportTable& report) {
  std::vector<v1::StageTable> tables;
  for (const v1::StageTable& table : report.stages()) {
    if (table.columns_size() > 0) tables.push_back(table);
  }
  return tables;
}

std::string TableTitle(const v1::ReportTable& report, const v1::StageTable& table) {
  return report.stages_size() == 1 ? report.title() : table.title();
}

std::string TableSubject(const v1::StageTable& table) {
  const std::string main = MainMetric(table);
  if (main.empty()) return "";
  std::string subject;
  std::vector<std::string> others;
  for (const v1::ReportColumn& column : table.columns()) {
    const std::string other =
        absl::StrCat(" or, under ", Words(column.metric()), ", ", column.metric_title());
    if (column.metric() == main) {
      subject = absl::StrCat("test ", column.metric_title());
    } else if (std::find(others.begin(), others.end(), other) == others.end()) {
      others.push_back(other);
    }
  }
  return absl::StrCat(subject, absl::StrJoin(others, ""), ", %");
}

std::string ColumnHeading(const v1::StageTable& table, const v1::ReportColumn& column) {
  const std::string main = MainMetric(table);
  const bool unit = column.is_fraction() && main.empty();
  const bool marked = !main.empty() && column.metric() != main;
  return absl::StrCat(column.name(), unit ? " (%)" : "",
                      marked ? absl::StrCat(" (", Words(column.metric()), ")") : "",
                      column.better() == v1::Score::LOWER ? " ↓" : "");
}

std::string ChanceName(const v1::StageTable& table) {
  return table.chance_name().empty() ? "chance" : table.chance_name();
}

bool HasChance(const v1::StageTable& table) {
  return std::any_of(table.columns().begin(), table.columns().end(),
                     [](const v1::ReportColumn& column) { return column.has_chance(); });
}

std::string PlusMinusNote(const v1::StageTable& table) {
  std::vector<std::string> notes;
  if (AnyCell(table, [](const v1::ReportCell& cell) { return cell.has_spread(); })) {
    notes.push_back("± is the standard deviation over runs.");
  }
  if (AnyCell(table, [](const v1::ReportCell& cell) { return cell.has_half_width(); })) {
    notes.push_back(notes.empty() ? "± is half the width of the 95 % interval."
                                  : "With a single run it is half the width of the 95 % interval.");
  }
  return absl::StrJoin(notes, " ");
}

std::string NumberText(const v1::ReportColumn& column, double value) {
  return absl::StrFormat("%.*f", column.decimals(), column.is_fraction() ? 100 * value : value);
}

std::string CellText(const v1::ReportColumn& column, const v1::ReportCell& cell) {
  if (!cell.has_value()) return "-";
  std::string text = NumberText(column, cell.value());
  if (cell.has_spread()) absl::StrAppend(&text, " ± ", NumberText(column, cell.spread()));
  if (cell.has_half_width()) absl::StrAppend(&text, " ± ", NumberText(column, cell.half_width()));
  return text;
}

bool IsTurned(const v1::StageTable& table) {
  return table.columns_size() > kMaxColumns && table.rows_size() < table.columns_size();
}

TextGrid Turned(const TextGrid& grid) {
  TextGrid turned(grid[0].size());
  for (const auto& line : grid) {
    for (size_t c = 0; c < line.size(); ++c) turned[c].push_back(line[c]);
  }
  return turned;
}

double NoisePoints(int64_t num_test) {
  return num_test == 0 ? 0 : 100 * 2 * std::sqrt(2 * 0.7 * 0.3 / num_test);
}

std::string TableMarkdown(const v1::ReportTable& report) {
  std::string text;
  for (const v1::StageTable& table : TablesOf(report)) {
    const std::string subject = TableSubject(table), note = PlusMinusNote(table);
    const TextGrid grid = MarkdownGrid(table);
    absl::StrAppend(&text, text.empty() ? "" : "\n", "**", MarkdownText(TableTitle(report, table)),
                    "**", subject.empty() ? "" : absl::StrCat(" (", MarkdownText(subject), ")"),
                    "\n\n", AlignedMarkdown(IsTurned(table) ? Turned(grid) : grid),
                    note.empty() ? "" : absl::StrCat("\n", note, "\n"));
  }
  return text;
}

std::string ScoresCsv(const v1::ReportTable& report) {
  std::string text = CsvLine({"stage", "row", "column", "source", "value", "half_width", "chance",
                              "better", "num_test", "best", "metric"});
  const auto number = [](bool has, double value) { return has ? Exactly(value) : ""; };
  for (const v1::StageTable& table : TablesOf(report)) {
    for (const v1::ReportRow& row : table.rows()) {
      for (int c = 0; c < row.cells_size(); ++c) {
        const v1::ReportColumn& column = table.columns(c);
        for (const v1::ReportRun& run : row.cells(c).runs()) {
          text += CsvLine({table.stage(), row.name(), column.name(), absl::StrCat(run.source()),
                           Exactly(run.value()), number(run.has_half_width(), run.half_width()),
                           number(run.has_chance(), run.chance()),
                           absl::AsciiStrToLower(v1::Score::Better_Name(column.better())),
                           absl::StrCat(run.num_test()), row.cells(c).best() ? "1" : "0",
                           column.metric()});
        }
      }
    }
  }
  return text;
}

}  // namespace cassle
