#include "cassle/eval/report_html.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/eval/line_chart.h"
#include "cassle/eval/report_style.h"
#include "cassle/eval/report_text.h"

namespace cassle {
namespace {

std::string Percent(double fraction) { return absl::StrFormat("%.1f", 100 * fraction); }

std::string MetricName(const v1::ReportTable& table) {
  return table.metric() == "class_avg" ? "mean accuracy of the classes" : "top-1 accuracy";
}

std::string Swatch(int row) {
  return absl::StrFormat("<span class=\"swatch\" style=\"background:var(--c%d)\"></span>",
                         row % kSeriesColors + 1);
}

std::string Head(const v1::ReportTable& table) {
  const std::string title = EscapeHtml(table.title());
  std::string colors;
  for (int i = 1; i <= kSeriesColors; ++i) {
    absl::StrAppendFormat(
        &colors, ".series-%d { stroke: var(--c%d); } .mark-%d { fill: var(--c%d); }\n", i, i, i, i);
  }
  return absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      title, "</title>\n<style>", kReportStyle, colors, "</style>\n</head>\n<body>\n<h1>", title,
      "</h1>\n");
}

std::string ResultTable(const v1::ReportTable& table) {
  std::string html = absl::StrCat(
      "<p>Test ", MetricName(table),
      " of a linear classifier on frozen features, in per cent. The best of each column is bold. "
      "The "
      "last line is what always answering the most frequent class would give.</p>\n<div "
      "class=\"scroll\"><table class=\"result\">\n<thead><tr><th>encoder</th>");
  for (const v1::ReportColumn& column : table.columns()) {
    absl::StrAppendFormat(&html,
                          "<th title=\"%d classes, %d test images; differences below about %.1f "
                          "points may be chance\">%s</th>",
                          column.num_classes(), column.num_test(), NoisePoints(column.num_test()),
                          EscapeHtml(column.name()));
  }
  absl::StrAppend(&html, "</tr></thead>\n<tbody>\n");
  for (const v1::ReportRow& row : table.rows()) {
    absl::StrAppend(&html, "<tr><td>", EscapeHtml(row.name()), "</td>");
    for (const v1::ReportCell& cell : row.cells()) {
      if (!cell.has_value()) {
        absl::StrAppend(&html, "<td>–</td>");
        continue;
      }
      absl::StrAppendFormat(&html, "<td%s data-value=\"%.17g\">%s",
                            cell.best() ? " class=\"best\"" : "", cell.value(),
                            Percent(cell.value()));
      if (cell.has_spread()) {
        absl::StrAppend(&html, " <span class=\"spread\">± ", Percent(cell.spread()), "</span>");
      }
      absl::StrAppend(&html, "</td>");
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  absl::StrAppend(&html, "<tr class=\"chance\"><td>most frequent class</td>");
  for (const v1::ReportColumn& column : table.columns()) {
    absl::StrAppend(&html, "<td>", Percent(column.chance()), "</td>");
  }
  absl::StrAppend(&html, "</tr>\n</tbody></table></div>\n");
  std::set<int64_t> sizes;
  bool spread = false;
  for (const v1::ReportColumn& column : table.columns()) sizes.insert(column.num_test());
  for (const v1::ReportRow& row : table.rows()) {
    for (const v1::ReportCell& cell : row.cells()) spread |= cell.has_spread();
  }
  if (sizes.size() == 1 && *sizes.begin() > 0) {
    absl::StrAppendFormat(&html,
                          "<p>With %d test images, a difference below about %.1f points may be "
                          "chance.%s</p>\n",
                          *sizes.begin(), NoisePoints(*sizes.begin()),
                          spread ? " ± is the standard deviation over runs." : "");
  }
  return html;
}

std::string Curves(const v1::ReportTable& table, const std::vector<ReportInput>& inputs) {
  std::string html =
      "<h2>How the regulariser was chosen</h2>\n<p>Validation accuracy over the weight <i>w</i> of "
      "the "
      "penalty, one fit per value. The dot marks the one that was taken: the first of the "
      "best.</p>\n<ul class=\"legend\">\n";
  for (int r = 0; r < table.rows_size(); ++r) {
    absl::StrAppend(&html, "<li>", Swatch(r), EscapeHtml(table.rows(r).name()), "</li>\n");
  }
  absl::StrAppend(&html, "</ul>\n<div class=\"charts\">\n");
  for (int c = 0; c < table.columns_size(); ++c) {
    std::vector<ChartSeries> lines;
    for (int r = 0; r < table.rows_size(); ++r) {
      for (const v1::ReportRun& run : table.rows(r).cells(c).runs()) {
        const v1::LinearProbeTarget& target = TargetOf(inputs, run);
        ChartSeries line;
        line.name = table.rows(r).name();
        line.color = r;
        for (const v1::LinearProbeGridPoint& point : target.grid()) {
          if (point.w() == target.best_w()) line.marked = line.points.size();
          line.points.emplace_back(point.w(), point.val_accuracy());
        }
        lines.push_back(std::move(line));
      }
    }
    const std::string& name = table.columns(c).name();
    absl::StrAppend(&html, "<figure><h3>", EscapeHtml(name), "</h3>\n",
                    LogXChart(absl::StrCat("Validation accuracy of ", name, " over w"), "w",
                              "validation, %", lines),
                    "</figure>\n");
  }
  return absl::StrCat(html, "</div>\n");
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
  return absl::StrCat(html, "</tbody></table></div></details>\n");
}

std::string Runs(const v1::ReportTable& table, const std::vector<ReportInput>& inputs, int source) {
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

std::string Provenance(const v1::ReportTable& table, const std::vector<ReportInput>& inputs) {
  std::string html = "<h2>Behind each number</h2>\n";
  for (int s = 0; s < table.sources_size(); ++s) {
    const v1::ReportSource& source = table.sources(s);
    absl::StrAppend(&html, "<details><summary>", EscapeHtml(source.row()),
                    source.group().empty() ? "" : absl::StrCat(" on ", EscapeHtml(source.group())),
                    "</summary>\n", Runs(table, inputs, s), "<dl>\n");
    for (const auto& [name, value] :
         {std::pair<const char*, std::string>{"encoder", source.encoder()},
          {"features", absl::StrCat(inputs[s].result.num_features())}}) {
      absl::StrAppend(&html, "<dt>", name, "</dt><dd>", EscapeHtml(value), "</dd>\n");
    }
    for (const auto& [name, value] :
         {std::pair<const char*, std::string>{"result", source.result_fingerprint()},
          {"weights", source.weights_fingerprint()},
          {"preprocessing", source.preprocess_fingerprint()},
          {"train images", source.train_dataset_fingerprint()},
          {"test images", source.test_dataset_fingerprint()}}) {
      absl::StrAppend(&html, "<dt>", name, "</dt><dd><code>", EscapeHtml(value), "</code></dd>\n");
    }
    absl::StrAppend(&html, "</dl>\n<pre>", EscapeHtml(source.options()), "</pre></details>\n");
  }
  return html;
}

}  // namespace

std::string ReportHtml(const v1::ReportTable& table, const std::vector<ReportInput>& inputs) {
  std::string html = absl::StrCat(Head(table), ResultTable(table), Curves(table, inputs),
                                  "<h2>Accuracy per class</h2>\n");
  for (int c = 0; c < table.columns_size(); ++c) {
    absl::StrAppend(&html, ClassTable(table, inputs, c));
  }
  return absl::StrCat(html, Provenance(table, inputs), "</body>\n</html>\n");
}

}  // namespace cassle
