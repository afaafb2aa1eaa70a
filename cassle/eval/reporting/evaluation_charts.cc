#include "cassle/eval/reporting/evaluation_charts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/eval/charts/axis_scale.h"
#include "cassle/eval/charts/bar_chart.h"
#include "cassle/eval/charts/heat_map.h"
#include "cassle/eval/charts/html_text.h"
#include "cassle/eval/charts/interval_chart.h"
#include "cassle/eval/charts/line_chart.h"

namespace cassle {
namespace {

// Above it a line has no tooltips: they would be most of the page.
constexpr int kMaxHints = 120;

using Charts = std::vector<EncoderChart>;

AxisScale SharedAxis(const v1::ChartAxis& axis, ValueRange range, bool rounded) {
  return axis.logarithmic() ? LogAxis(range) : LinearAxis(range, rounded);
}

// What the axis can show of the values.
void AddValues(const google::protobuf::RepeatedField<double>& values, bool logarithmic,
               ValueRange* range) {
  for (double value : values) {
    if (!logarithmic || value > 0) range->Add(value);
  }
}

// Names of the series in the order they first appear: one colour each in all charts.
std::vector<std::string> SeriesNames(const Charts& charts) {
  std::vector<std::string> names;
  for (const EncoderChart& entry : charts) {
    for (const v1::ChartLine& line : entry.chart->series()) {
      if (std::find(names.begin(), names.end(), line.name()) == names.end()) {
        names.push_back(line.name());
      }
    }
  }
  return names;
}

int ColorOf(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) - names.begin();
}

ChartText TextOf(const EncoderChart& entry) {
  const v1::Chart& chart = *entry.chart;
  return {absl::StrCat(chart.title().empty() ? chart.name() : chart.title(), ", ", entry.encoder),
          chart.x().label(), chart.y().label()};
}

// A value with its interval and note.
std::string ValueHint(const v1::ChartLine& line, int i) {
  std::string hint = absl::StrFormat("%.4g", line.y(i));
  if (line.low_size() > 0) {
    absl::StrAppendFormat(&hint, " [%.4g, %.4g]", line.low(i), line.high(i));
  }
  if (line.notes_size() > 0) absl::StrAppend(&hint, "\n", line.notes(i));
  return hint;
}

ChartSeries SeriesOf(const v1::ChartLine& line, const std::string& name, int color) {
  ChartSeries series;
  series.name = name;
  series.color = color;
  if (line.has_marked()) series.marked = line.marked();
  series.hollow.assign(line.partial().begin(), line.partial().end());
  for (int i = 0; i < line.x_size(); ++i) {
    series.points.emplace_back(line.x(i), line.y(i));
    if (line.low_size() > 0) series.band.push_back({line.x(i), line.low(i), line.high(i)});
    if (line.x_size() > kMaxHints) continue;
    series.hints.push_back(absl::StrFormat("%.4g: %s", line.x(i), ValueHint(line, i)));
  }
  return series;
}

std::string Figure(const std::string& title, bool wide, const std::string& svg) {
  return absl::StrCat("<figure", wide ? " class=\"wide\"" : "", ">",
                      title.empty() ? "" : absl::StrCat("<h4>", EscapeHtml(title), "</h4>\n"), svg,
                      "</figure>\n");
}

// The axes that all charts can be drawn on.
std::pair<AxisScale, AxisScale> LineAxes(const Charts& charts) {
  const v1::Chart& first = *charts[0].chart;
  ValueRange xs, ys;
  for (const EncoderChart& entry : charts) {
    for (const v1::ChartLine& line : entry.chart->series()) {
      AddValues(line.x(), first.x().logarithmic(), &xs);
      for (const auto* values : {&line.y(), &line.low(), &line.high()}) {
        AddValues(*values, first.y().logarithmic(), &ys);
      }
    }
  }
  return {SharedAxis(first.x(), xs, /*rounded=*/false),
          SharedAxis(first.y(), ys, /*rounded=*/true)};
}

std::string LineFigures(const Charts& charts, const std::vector<std::string>& names, bool titled) {
  const auto [x, y] = LineAxes(charts);
  std::string html;
  for (const EncoderChart& entry : charts) {
    std::vector<ChartSeries> series;
    for (const v1::ChartLine& line : entry.chart->series()) {
      series.push_back(SeriesOf(line, line.name(), ColorOf(names, line.name())));
    }
    absl::StrAppend(
        &html, Figure(titled ? entry.encoder : "", false, LineChart(TextOf(entry), x, y, series)));
  }
  return html;
}

std::vector<std::string> CategoriesOf(const v1::Chart& chart) {
  return {chart.x().categories().begin(), chart.x().categories().end()};
}

std::string IntervalFigures(const Charts& charts, const std::vector<std::string>& names) {
  ValueRange range;
  for (const EncoderChart& entry : charts) {
    for (const v1::ChartLine& line : entry.chart->series()) {
      for (const auto* values : {&line.y(), &line.low(), &line.high()}) {
        AddValues(*values, /*logarithmic=*/false, &range);
      }
    }
  }
  const AxisScale axis = LinearAxis(range, /*rounded=*/true);
  std::string html;
  for (const EncoderChart& entry : charts) {
    std::vector<IntervalSeries> series;
    for (const v1::ChartLine& line : entry.chart->series()) {
      IntervalSeries& drawn =
          series.emplace_back(IntervalSeries{line.name(), ColorOf(names, line.name()), {}});
      for (int i = 0; i < line.y_size(); ++i) {
        const bool hollow = line.partial_size() > 0 && line.partial(i);
        drawn.points.push_back({line.y(i), line.low(i), line.high(i), hollow, ValueHint(line, i)});
      }
    }
    absl::StrAppend(&html,
                    Figure(charts.size() > 1 ? entry.encoder : "", /*wide=*/true,
                           IntervalChart(TextOf(entry), CategoriesOf(*entry.chart), axis, series)));
  }
  return html;
}

std::string BarFigures(const Charts& charts, const std::vector<std::string>& names) {
  const v1::Chart& first = *charts[0].chart;
  ValueRange ys;
  for (const EncoderChart& entry : charts) {
    for (const v1::ChartLine& line : entry.chart->series()) {
      AddValues(line.y(), first.y().logarithmic(), &ys);
    }
  }
  // The length of a bar is the value.
  if (!first.y().logarithmic()) ys.Add(0);
  const AxisScale y = SharedAxis(first.y(), ys, /*rounded=*/true);
  std::string html;
  for (const EncoderChart& entry : charts) {
    const v1::Chart& chart = *entry.chart;
    const std::vector<std::string> categories = CategoriesOf(chart);
    std::vector<BarSeries> series;
    for (const v1::ChartLine& line : chart.series()) {
      series.push_back(
          {line.name(), ColorOf(names, line.name()), {line.y().begin(), line.y().end()}});
    }
    absl::StrAppend(&html, Figure(entry.encoder, IsWideBarChart(categories.size(), series.size()),
                                  BarChart(TextOf(entry), categories, y, series)));
  }
  return html;
}

// One row each, named by the encoder, over the same categories.
bool IsJointMap(const Charts& charts) {
  return std::all_of(charts.begin(), charts.end(), [&](const EncoderChart& entry) {
    const v1::Chart& chart = *entry.chart;
    return chart.series_size() == 1 && chart.series(0).name().empty() &&
           CategoriesOf(chart) == CategoriesOf(*charts[0].chart);
  });
}

std::string HeatMapFigures(const Charts& charts) {
  ValueRange values;
  for (const EncoderChart& entry : charts) {
    for (const v1::ChartLine& line : entry.chart->series()) AddValues(line.y(), false, &values);
  }
  const AxisScale scale = LinearAxis(values, /*rounded=*/false);
  const bool joint = IsJointMap(charts);
  std::string html;
  std::vector<HeatMapRow> rows;
  for (const EncoderChart& entry : charts) {
    for (const v1::ChartLine& line : entry.chart->series()) {
      rows.push_back(
          {line.name().empty() ? entry.encoder : line.name(), {line.y().begin(), line.y().end()}});
    }
    if (joint && &entry != &charts.back()) continue;
    const std::vector<std::string> columns = CategoriesOf(*entry.chart);
    absl::StrAppend(&html, Figure(joint ? "" : entry.encoder, IsWideHeatMap(columns, rows),
                                  HeatMap(TextOf(entry), columns, scale, rows)));
    rows.clear();
  }
  return html;
}

}  // namespace

absl::Status CheckChart(const v1::Chart& chart) {
  const auto problem = [&](const std::string& what) {
    return absl::DataLossError(absl::StrCat("chart \"", chart.name(), "\": ", what));
  };
  const bool lines = chart.kind() == v1::Chart::LINES;
  const bool intervals = chart.kind() == v1::Chart::INTERVALS;
  if (!lines && !intervals && chart.kind() != v1::Chart::BARS &&
      chart.kind() != v1::Chart::HEAT_MAP) {
    return problem("it has no kind that report knows");
  }
  for (const v1::ChartLine& line : chart.series()) {
    const int wanted = lines ? line.x_size() : chart.x().categories_size();
    if (line.y_size() != wanted) {
      return problem(absl::StrCat("series \"", line.name(), "\" has ", line.y_size(),
                                  " values for ", wanted, lines ? " places" : " categories"));
    }
    const bool banded = intervals || line.low_size() > 0 || line.high_size() > 0;
    const int ends = lines || intervals ? wanted : 0;
    if (banded && (line.low_size() != ends || line.high_size() != ends)) {
      return problem(absl::StrCat("the band of series \"", line.name(), "\" has ", line.low_size(),
                                  " lower and ", line.high_size(), " upper values for ", ends,
                                  " places"));
    }
    for (const int count : {line.notes_size(), line.partial_size()}) {
      if (count == 0 || count == ends) continue;
      return problem(absl::StrCat("series \"", line.name(), "\" has ", count,
                                  " notes or marks for ", ends, " places"));
    }
  }
  return absl::OkStatus();
}

std::string Legend(const std::vector<LegendEntry>& entries) {
  std::string html = "<ul class=\"legend\">\n";
  for (const LegendEntry& entry : entries) {
    absl::StrAppendFormat(
        &html, "<li><span class=\"swatch%s\" style=\"color:var(--c%d)\"></span>%s</li>\n",
        Dashed(entry.color), ColorNumber(entry.color), EscapeHtml(entry.name));
  }
  return absl::StrCat(html, "</ul>\n");
}

bool IsJoint(const Charts& charts) {
  return std::all_of(charts.begin(), charts.end(), [](const EncoderChart& entry) {
    return entry.chart->kind() == v1::Chart::LINES && entry.chart->series_size() <= 1;
  });
}

std::string JointFigure(const std::string& heading, const Charts& charts) {
  const auto [x, y] = LineAxes(charts);
  std::vector<ChartSeries> series;
  std::vector<std::string> encoders;
  for (const EncoderChart& entry : charts) {
    for (const v1::ChartLine& line : entry.chart->series()) {
      series.push_back(SeriesOf(line, entry.encoder, entry.color));
    }
    encoders.push_back(entry.encoder);
  }
  const v1::Chart& first = *charts[0].chart;
  const ChartText text = {absl::StrCat(heading, ": ", absl::StrJoin(encoders, ", ")),
                          first.x().label(), first.y().label()};
  return Figure(heading, false, LineChart(text, x, y, series));
}

std::string ChartFigures(const std::string& heading, const Charts& charts, bool titled) {
  const v1::Chart::Kind kind = charts[0].chart->kind();
  const std::vector<std::string> names = SeriesNames(charts);
  std::vector<LegendEntry> legend;
  // Of intervals the rows have names of their own; a lone series has its name here only.
  if (kind != v1::Chart::HEAT_MAP && (names.size() > 1 || kind == v1::Chart::INTERVALS)) {
    for (size_t i = 0; i < names.size(); ++i) legend.push_back({names[i], static_cast<int>(i)});
  }
  std::string figures;
  if (kind == v1::Chart::LINES) figures = LineFigures(charts, names, titled);
  if (kind == v1::Chart::BARS) figures = BarFigures(charts, names);
  if (kind == v1::Chart::HEAT_MAP) figures = HeatMapFigures(charts);
  if (kind == v1::Chart::INTERVALS) figures = IntervalFigures(charts, names);
  const bool alone = kind == v1::Chart::LINES && charts.size() == 1;
  return absl::StrCat("<section class=\"", alone ? "alone" : "all", "\"><h3>", EscapeHtml(heading),
                      "</h3>\n", legend.empty() ? "" : Legend(legend), "<div class=\"charts",
                      kind == v1::Chart::HEAT_MAP ? " maps" : "", "\">\n", figures,
                      "</div></section>\n");
}

}  // namespace cassle
