#include "cassle/eval/report_probes.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/eval/evaluation_charts.h"
#include "cassle/eval/heat_map.h"
#include "cassle/eval/html_text.h"
#include "cassle/eval/line_chart.h"
#include "cassle/eval/report_collect.h"

namespace cassle {
namespace {

std::string Percent(double fraction) { return absl::StrFormat("%.1f", 100 * fraction); }

// The curves of one column, one per run.
std::vector<ChartSeries> ValidationCurves(const v1::ReportTable& table,
                                          const std::vector<ReportInput>& inputs, int column,
                                          const std::vector<std::string>& colors) {
  std::vector<ChartSeries> lines;
  for (const v1::ReportRow& row : table.rows()) {
    for (const v1::ReportRun& run : row.cells(column).runs()) {
      const v1::LinearProbeTarget& target = TargetOf(inputs, run);
      ChartSeries line;
      line.name = row.name();
      line.color = std::find(colors.begin(), colors.end(), row.name()) - colors.begin();
      for (const v1::LinearProbeGridPoint& point : target.grid()) {
        if (point.w() == target.best_w()) line.marked = line.points.size();
        line.points.emplace_back(point.w(), 100 * point.val_accuracy());
        line.hints.push_back(
            absl::StrFormat("w = %.3g: %.1f %%", point.w(), 100 * point.val_accuracy()));
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

std::string ValidationChart(const std::string& name, const std::vector<ChartSeries>& lines) {
  ValueRange xs, ys;
  for (const ChartSeries& line : lines) {
    for (const auto& [x, y] : line.points) {
      if (x > 0) xs.Add(x);
      ys.Add(y);
    }
  }
  return LineChart({absl::StrCat("Validation accuracy of ", name, " over w"), "w", "validation, %"},
                   LogAxis(xs), LinearAxis(ys, /*rounded=*/true), lines);
}

std::string Curves(const v1::ReportTable& table, const std::vector<ReportInput>& inputs) {
  const std::vector<std::string> colors = RowNames(inputs);
  std::vector<LegendEntry> legend;
  for (const v1::ReportRow& row : table.rows()) {
    const int color = std::find(colors.begin(), colors.end(), row.name()) - colors.begin();
    legend.push_back({row.name(), color});
  }
  std::string html = absl::StrCat(
      "<h3>How the regulariser was chosen</h3>\n<p>Validation accuracy over the weight <i>w</i> of "
      "the penalty, one fit per value. The dot marks the one that was taken: the first of the "
      "best.</p>\n",
      Legend(legend), "<div class=\"charts\">\n");
  for (int c = 0; c < table.columns_size(); ++c) {
    const std::string& name = table.columns(c).name();
    absl::StrAppend(&html, "<figure><h4>", EscapeHtml(name), "</h4>\n",
                    ValidationChart(name, ValidationCurves(table, inputs, c, colors)),
                    "</figure>\n");
  }
  return absl::StrCat(html, "</div>\n");
}

// Rows and columns from which on colours tell more than numbers.
constexpr int kMapRows = 4;
constexpr int kMapColumns = 3;

// The table as colours: what of the way from chance to perfect each encoder goes, so that targets
// with few and with many classes can be compared.
std::string ReadabilityMap(const v1::ReportTable& table) {
  if (table.rows_size() < kMapRows || table.columns_size() < kMapColumns) return "";
  std::vector<std::string> columns;
  for (const v1::ReportColumn& column : table.columns()) columns.push_back(column.name());
  std::vector<HeatMapRow> rows;
  ValueRange range;
  for (const v1::ReportRow& row : table.rows()) {
    rows.push_back({row.name(), {}});
    for (int c = 0; c < table.columns_size(); ++c) {
      const v1::ReportCell& cell = row.cells(c);
      const double chance = table.columns(c).chance();
      const double readable = cell.has_value() ? 100 * (cell.value() - chance) / (1 - chance)
                                               : std::numeric_limits<double>::quiet_NaN();
      range.Add(readable);
      rows.back().values.push_back(readable);
    }
  }
  if (range.empty()) return "";
  return absl::StrCat(
      "<h3>What is readable</h3>\n<p>The table again, in per cent of the way from always answering "
      "the most frequent class (0) to no mistake (100).</p>\n<div class=\"charts\"><figure",
      IsWideHeatMap(columns.size()) ? " class=\"wide\"" : "", ">\n",
      HeatMap({"What a linear classifier reads from each encoder", "target", "encoder"}, columns,
              LinearAxis(range, /*rounded=*/false), rows),
      "</figure></div>\n");
}

// "MoCo-v2 takes cat for dog (37), ...".
std::string Confusions(const std::string& row, const v1::LinearProbeTarget& target) {
  std::vector<std::string> pairs;
  for (const v1::Confusion& confusion : target.confusions()) {
    pairs.push_back(
        absl::StrCat(confusion.is(), " for ", confusion.taken_for(), " (", confusion.count(), ")"));
  }
  if (pairs.empty()) return "";
  return absl::StrCat("<p>", EscapeHtml(row), " takes ", EscapeHtml(absl::StrJoin(pairs, ", ")),
                      ".</p>\n");
}

// Classes of one column down, rows of the table across; first run of each.
std::string ClassTable(const v1::ReportTable& table, const std::vector<ReportInput>& inputs,
                       int column) {
  std::vector<std::pair<int, const v1::LinearProbeTarget*>> shown;
  for (int r = 0; r < table.rows_size(); ++r) {
    const v1::ReportCell& cell = table.rows(r).cells(column);
    if (cell.runs_size() > 0) shown.emplace_back(r, &TargetOf(inputs, cell.runs(0)));
  }
  if (shown.empty()) return "";
  std::string html = absl::StrCat(
      "<details><summary>", EscapeHtml(table.columns(column).name()), ": ",
      table.columns(column).num_classes(),
      " classes</summary>\n<div class=\"scroll\"><table class=\"small\">\n<thead><tr><th>class</th>"
      "<th>learnt</th><th>tested</th>");
  for (const auto& [r, target] : shown) {
    absl::StrAppend(&html, "<th>", EscapeHtml(table.rows(r).name()), "</th>");
  }
  absl::StrAppend(&html, "</tr></thead>\n<tbody>\n");
  for (int k = 0; k < shown[0].second->classes_size(); ++k) {
    const v1::ClassAccuracy& first = shown[0].second->classes(k);
    absl::StrAppendFormat(&html, "<tr><td>%s</td><td>%d</td><td>%d</td>", EscapeHtml(first.name()),
                          first.num_learnt(), first.num_test());
    for (const auto& [r, target] : shown) {
      const v1::ClassAccuracy& entry = target->classes(k);
      absl::StrAppend(&html, "<td>",
                      entry.num_test() == 0
                          ? "–"
                          : Percent(static_cast<double>(entry.num_right()) / entry.num_test()),
                      "</td>");
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  absl::StrAppend(&html, "</tbody></table></div>\n");
  for (const auto& [r, target] : shown) {
    absl::StrAppend(&html, Confusions(table.rows(r).name(), *target));
  }
  return absl::StrCat(html, "</details>\n");
}

}  // namespace

std::string ProbeDetails(const v1::ReportTable& table, const std::vector<ReportInput>& inputs) {
  std::string html =
      absl::StrCat(ReadabilityMap(table), Curves(table, inputs), "<h3>Accuracy per class</h3>\n");
  for (int c = 0; c < table.columns_size(); ++c) {
    absl::StrAppend(&html, ClassTable(table, inputs, c));
  }
  return html;
}

std::string ProbeRuns(const v1::ReportTable& table, const std::vector<ReportInput>& inputs,
                      int source) {
  std::string html =
      "<div class=\"scroll\"><table "
      "class=\"small\"><thead><tr><th>column</th><th>w</th><th>val</th>"
      "<th>test top-1</th><th>test class average</th><th>train / val / test images</th>"
      "</tr></thead><tbody>\n";
  std::string warnings;
  for (const v1::ReportRow& row : table.rows()) {
    for (int c = 0; c < row.cells_size(); ++c) {
      for (const v1::ReportRun& run : row.cells(c).runs()) {
        if (run.source() != source) continue;
        const v1::LinearProbeTarget& target = TargetOf(inputs, run);
        const std::string column = EscapeHtml(table.columns(c).name());
        absl::StrAppendFormat(&html,
                              "<tr><td>%s</td><td>%.3g</td><td>%s</td><td>%s</td><td>%s</td>"
                              "<td>%d / %d / %d</td></tr>\n",
                              column, run.best_w(), Percent(run.val_accuracy()),
                              Percent(run.test_top1()), Percent(run.test_class_avg()),
                              target.num_train(), target.num_val(), target.num_test());
        for (const std::string& warning : run.warnings()) {
          absl::StrAppend(&warnings, "<p class=\"warning\">", column, ": ", EscapeHtml(warning),
                          "</p>\n");
        }
      }
    }
  }
  return absl::StrCat(html, "</tbody></table></div>\n", warnings);
}

}  // namespace cassle
