#include "cassle/eval/reporting/report_html.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/eval/charts/axis_scale.h"
#include "cassle/eval/charts/chart_frame.h"
#include "cassle/eval/charts/heat_map.h"
#include "cassle/eval/charts/html_text.h"
#include "cassle/eval/reporting/evaluation_charts.h"
#include "cassle/eval/reporting/report_settings.h"
#include "cassle/eval/reporting/report_style.h"
#include "cassle/eval/reporting/report_text.h"
#include "cassle/eval/reporting/report_text_tables.h"

namespace cassle {
namespace {

std::string NewsHtml(const ReportNews& news) {
  std::string html;
  for (const std::string& line : news.lines) {
    absl::StrAppend(&html, "<p class=\"news\">", EscapeHtml(line), "</p>\n");
  }
  return html;
}

std::string Head(const v1::ReportTable& report, const ReportNews& news) {
  const std::string title = EscapeHtml(report.title());
  std::string colors;
  for (int i = 1; i <= kSeriesColors; ++i) {
    absl::StrAppendFormat(
        &colors,
        ".series-%d, .dashed.mark-%d { stroke: var(--c%d); } .mark-%d { fill: var(--c%d); }\n", i,
        i, i, i, i);
  }
  return absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
      news.reload_seconds > 0
          ? absl::StrCat("<meta http-equiv=\"refresh\" content=\"", news.reload_seconds, "\">\n")
          : "",
      "<title>", title, "</title>\n<style>", kReportStyle, colors,
      "</style>\n</head>\n<body>\n<h1>", title, "</h1>\n", NewsHtml(news));
}

bool HasBest(const v1::StageTable& table) {
  for (const v1::ReportRow& row : table.rows()) {
    for (const v1::ReportCell& cell : row.cells()) {
      if (cell.best()) return true;
    }
  }
  return false;
}

// How far apart accuracies must be, where all columns are of equally many images.
std::string NoiseNote(const v1::StageTable& table) {
  if (table.columns_size() == 0) return "";
  const int64_t images = table.columns(0).num_test();
  const bool same =
      std::all_of(table.columns().begin(), table.columns().end(),
                  [&](const v1::ReportColumn& column) { return column.num_test() == images; });
  if (TableSubject(table).empty() || !same || images == 0) return "";
  return absl::StrFormat("With %d test images, a difference below about %.1f points may be chance.",
                         images, NoisePoints(images));
}

// What stands between a table's heading and its numbers.
std::string TableIntroduction(const v1::StageTable& table) {
  std::string subject = TableSubject(table);
  if (!subject.empty()) subject = absl::StrCat("Shown: ", subject, ".");
  std::vector<std::string> sentences = {EscapeHtml(table.description()), EscapeHtml(subject)};
  if (HasBest(table)) {
    sentences.push_back("The best of each score is bold, where one value is better than another.");
  }
  if (HasChance(table)) {
    sentences.push_back(absl::StrCat(IsTurned(table) ? "The last column, " : "The last line, ",
                                     EscapeHtml(ChanceName(table)),
                                     ", is what knowing nothing would give."));
  }
  sentences.push_back(NoiseNote(table));
  sentences.push_back(PlusMinusNote(table));
  sentences.erase(std::remove(sentences.begin(), sentences.end(), ""), sentences.end());
  if (sentences.empty()) return "";
  return absl::StrCat("<p>", absl::StrJoin(sentences, " "), "</p>\n");
}

std::string ColumnHead(const v1::StageTable& table, const v1::ReportColumn& column) {
  const std::string facts = column.num_test() > 0 ? absl::StrCat(column.num_test(), " tested") : "";
  return absl::StrCat("<th scope=\"", IsTurned(table) ? "row" : "col", "\" title=\"", facts, "\">",
                      EscapeHtml(ColumnHeading(table, column)), "</th>");
}

std::string CellHtml(const v1::ReportColumn& column, const v1::ReportCell& cell) {
  if (!cell.has_value()) return "<td>–</td>";
  std::string html =
      absl::StrFormat("<td%s data-value=\"%.17g\">%s", cell.best() ? " class=\"best\"" : "",
                      cell.value(), NumberText(column, cell.value()));
  if (cell.has_spread() || cell.has_half_width()) {
    absl::StrAppend(&html, " <span class=\"spread\">± ",
                    NumberText(column, cell.has_spread() ? cell.spread() : cell.half_width()),
                    "</span>");
  }
  return absl::StrCat(html, "</td>");
}

TextGrid HtmlGrid(const v1::StageTable& table) {
  const bool turned = IsTurned(table);
  TextGrid grid = {{turned ? "<th>score</th>" : "<th>encoder</th>"}};
  for (const v1::ReportColumn& column : table.columns()) {
    grid[0].push_back(ColumnHead(table, column));
  }
  const auto row_head = [&](const std::string& name) {
    return turned ? absl::StrCat("<th scope=\"col\">", name, "</th>")
                  : absl::StrCat("<td>", name, "</td>");
  };
  for (const v1::ReportRow& row : table.rows()) {
    grid.push_back({row_head(EscapeHtml(row.name()))});
    for (int c = 0; c < row.cells_size(); ++c) {
      grid.back().push_back(CellHtml(table.columns(c), row.cells(c)));
    }
  }
  if (!HasChance(table)) return grid;
  grid.push_back({row_head(EscapeHtml(ChanceName(table)))});
  for (const v1::ReportColumn& column : table.columns()) {
    grid.back().push_back(
        absl::StrCat("<td class=\"chance\">",
                     column.has_chance() ? NumberText(column, column.chance()) : "–", "</td>"));
  }
  return grid;
}

std::string TableHtml(const v1::StageTable& table) {
  if (table.columns_size() == 0) return "";
  TextGrid grid = HtmlGrid(table);
  if (IsTurned(table)) grid = Turned(grid);
  std::string html =
      absl::StrCat("<div class=\"scroll\"><table class=\"result", IsTurned(table) ? " long" : "",
                   "\" data-stage=\"", EscapeHtml(table.stage()), "\">\n");
  for (size_t l = 0; l < grid.size(); ++l) {
    absl::StrAppend(&html, l == 0 ? "<thead>" : "", "<tr>");
    for (const std::string& cell : grid[l]) absl::StrAppend(&html, cell);
    absl::StrAppend(&html, "</tr>", l == 0 ? "</thead>\n<tbody>" : "", "\n");
  }
  return absl::StrCat(html, "</tbody></table></div>\n");
}

// Rows and columns from which on colours tell more than numbers.
constexpr int kMapRows = 4;
constexpr int kMapColumns = 3;

// The table as colours: what of the way from chance to perfect each encoder goes, so that targets
// with few and with many classes can be compared.
std::string ReadabilityMap(const v1::StageTable& table) {
  if (table.rows_size() < kMapRows || table.columns_size() < kMapColumns) return "";
  std::vector<std::string> columns;
  for (const v1::ReportColumn& column : table.columns()) {
    if (!column.is_fraction() || !column.has_chance() || column.better() != v1::Score::HIGHER) {
      return "";
    }
    columns.push_back(column.name());
  }
  std::vector<HeatMapRow> rows;
  ValueRange range;
  for (const v1::ReportRow& row : table.rows()) {
    rows.push_back({row.name(), {}});
    for (int c = 0; c < table.columns_size(); ++c) {
      const double chance = table.columns(c).chance();
      const double readable = row.cells(c).has_value()
                                  ? 100 * (row.cells(c).value() - chance) / (1 - chance)
                                  : std::numeric_limits<double>::quiet_NaN();
      range.Add(readable);
      rows.back().values.push_back(readable);
    }
  }
  if (range.empty()) return "";
  return absl::StrCat("<h3>What is readable</h3>\n<p>The table again, in per cent of the way from ",
                      EscapeHtml(ChanceName(table)),
                      " (0) to no mistake (100).</p>\n<div class=\"charts maps\"><figure",
                      IsWideHeatMap(columns, rows) ? " class=\"wide\"" : "", ">\n",
                      HeatMap({"What can be read from each encoder", "score", "encoder"}, columns,
                              LinearAxis(range, /*rounded=*/false), rows),
                      "</figure></div>\n");
}

// Charts of one name, and the heading they get.
struct ChartGroup {
  std::string group, name, heading;
  std::vector<EncoderChart> charts;
};

// In the order they first appear. Charts of different kinds are never one group.
std::vector<ChartGroup> ChartGroups(const std::string& stage,
                                    const std::vector<ReportInput>& inputs) {
  const std::vector<std::string> rows = RowNames(inputs);
  std::vector<ChartGroup> groups;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    const ReportInput& input = inputs[i];
    if (input.stage() != stage) continue;
    const int color = std::find(rows.begin(), rows.end(), input.row) - rows.begin();
    for (const v1::Chart& chart : input.evaluation.charts()) {
      auto group = std::find_if(groups.begin(), groups.end(), [&](const ChartGroup& other) {
        return other.group == input.group && other.name == chart.name() &&
               other.charts[0].chart->kind() == chart.kind();
      });
      if (group == groups.end()) {
        const std::string& title = chart.title().empty() ? chart.name() : chart.title();
        group = groups.insert(groups.end(),
                              {input.group,
                               chart.name(),
                               input.group.empty() ? title : absl::StrCat(input.group, ": ", title),
                               {}});
      }
      group->charts.push_back({RunInGroup(inputs, i), color, &chart});
    }
  }
  return groups;
}

// Charts with one line per encoder share a legend and stand first.
std::string StageCharts(const std::string& stage, const std::vector<ReportInput>& inputs) {
  std::string joint, others;
  std::vector<LegendEntry> legend;
  for (const ChartGroup& group : ChartGroups(stage, inputs)) {
    if (!IsJoint(group.charts)) {
      absl::StrAppend(&others, ChartFigures(group.heading, group.charts, inputs.size() > 1));
      continue;
    }
    absl::StrAppend(&joint, JointFigure(group.heading, group.charts));
    for (const EncoderChart& entry : group.charts) {
      const bool known = std::any_of(legend.begin(), legend.end(), [&](const LegendEntry& other) {
        return other.name == entry.encoder;
      });
      if (!known) legend.push_back({entry.encoder, entry.color});
    }
  }
  if (!others.empty()) {
    others = absl::StrCat("<div class=\"chart-groups\">\n", others, "</div>\n");
  }
  if (joint.empty()) return others;
  return absl::StrCat("<h3>Curves</h3>\n", Legend(legend), "<div class=\"charts\">\n", joint,
                      "</div>\n", others);
}

std::string StagePictures(const std::string& stage, const std::vector<ReportInput>& inputs) {
  std::string html;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    if (inputs[i].stage() != stage) continue;
    for (const ReportPicture& picture : inputs[i].pictures) {
      const std::string name = RunName(inputs, i);
      const std::string title =
          EscapeHtml(picture.title.empty() ? name : absl::StrCat(name, ": ", picture.title));
      absl::StrAppend(&html, "<figure><h4>", title, "</h4>\n<img class=\"picture\" alt=\"", title,
                      "\" src=\"", picture.uri, "\"></figure>\n");
    }
  }
  return html.empty() ? "" : absl::StrCat("<div class=\"pictures\">\n", html, "</div>\n");
}

std::string StageWarnings(const std::string& stage, const std::vector<ReportInput>& inputs) {
  std::string html;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    if (inputs[i].stage() != stage) continue;
    const std::string whose = inputs.size() > 1 ? absl::StrCat(RunName(inputs, i), ": ") : "";
    for (const std::string& warning : inputs[i].evaluation.warnings()) {
      absl::StrAppend(&html, "<p class=\"warning\">", EscapeHtml(whose), EscapeHtml(warning),
                      "</p>\n");
    }
  }
  return html;
}

std::string SourceFacts(const v1::ReportSource& source, int num_features) {
  std::string html = "<dl>\n";
  const auto add = [&](const std::string& name, const std::string& value, bool code) {
    if (value.empty()) return;
    absl::StrAppend(&html, "<dt>", EscapeHtml(name), "</dt><dd>", code ? "<code>" : "",
                    EscapeHtml(value), code ? "</code>" : "", "</dd>\n");
  };
  add("stage", source.stage(), false);
  add("encoder", source.encoder(), false);
  if (num_features > 0) add("features", absl::StrCat(num_features), false);
  add("result", source.result_fingerprint(), true);
  add("weights", source.weights_fingerprint(), true);
  add("preprocessing", source.preprocess_fingerprint(), true);
  for (const v1::EvaluatedSet& set : source.sets()) {
    add(absl::StrCat(set.role(), " images"),
        absl::StrCat(set.num_rows() > 0 ? absl::StrCat(set.num_rows(), " of ") : "", "split ",
                     set.split(), " of ", set.dataset_fingerprint()),
        true);
  }
  return absl::StrCat(html, "</dl>\n<pre>", EscapeHtml(source.options()), "</pre>");
}

std::string Provenance(const v1::ReportTable& report, const std::vector<ReportInput>& inputs) {
  std::string html =
      "<h2 id=\"sources\">Behind each number</h2>\n<p>Options, images and fingerprints of every "
      "result on this page.</p>\n";
  for (int s = 0; s < report.sources_size(); ++s) {
    const v1::ReportSource& source = report.sources(s);
    absl::StrAppend(
        &html, "<details><summary>", EscapeHtml(source.stage()), ": ", EscapeHtml(source.row()),
        source.group().empty() ? "" : absl::StrCat(" on ", EscapeHtml(source.group())),
        "</summary>\n", SourceFacts(source, inputs[s].evaluation.num_features()), "</details>\n");
  }
  return html;
}

// Links to the sections, where there is more than one.
std::string Contents(const v1::ReportTable& report) {
  if (report.stages_size() < 2) return "";
  std::string html = "<nav><ul>\n";
  for (const v1::StageTable& table : report.stages()) {
    absl::StrAppend(&html, "<li><a href=\"#", EscapeHtml(table.stage()), "\">",
                    EscapeHtml(table.title()), "</a></li>\n");
  }
  return absl::StrCat(html, "<li><a href=\"#sources\">Behind each number</a></li>\n</ul></nav>\n");
}

}  // namespace

std::string ReportHtml(const v1::ReportTable& report, const std::vector<ReportInput>& inputs,
                       const ReportNews& news) {
  std::string html = absl::StrCat(Head(report, news), Contents(report));
  // Also of stages that have charts, pictures or tables of their own and no scores.
  for (const v1::StageTable& table : report.stages()) {
    const std::string& stage = table.stage();
    absl::StrAppend(&html, "<section id=\"", EscapeHtml(stage), "\">\n<h2>",
                    EscapeHtml(table.title()), "</h2>\n", TableIntroduction(table),
                    TableHtml(table), StageWarnings(stage, inputs), SettingsHtml(stage, inputs),
                    ReadabilityMap(table), StageCharts(stage, inputs),
                    TextTablesHtml(stage, inputs), StagePictures(stage, inputs), "</section>\n");
  }
  return absl::StrCat(html, Provenance(report, inputs), "</body>\n</html>\n");
}

}  // namespace cassle
