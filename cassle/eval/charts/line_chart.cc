#include "cassle/eval/charts/line_chart.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cassle {
namespace {

constexpr double kWidth = 380, kHeight = 236, kBottom = 42;

void DrawSeries(const ChartFrame& frame, const AxisScale& x, const AxisScale& y,
                const ChartSeries& line, std::string* svg) {
  std::string path, hits, mark;
  const auto shown = [&](size_t i) {
    return i < line.points.size() && x.Shows(line.points[i].first) &&
           y.Shows(line.points[i].second);
  };
  bool interrupted = true;
  for (size_t i = 0; i < line.points.size(); ++i) {
    if (!shown(i)) {
      interrupted = true;
      continue;
    }
    // A point alone has no line to be seen by.
    const bool alone = interrupted && !shown(i + 1);
    const auto& [at_x, at_y] = line.points[i];
    const double px = frame.X(x.Position(at_x)), py = frame.Y(y.Position(at_y));
    absl::StrAppendFormat(&path, "%s%.1f %.1f", interrupted ? "M" : "L", px, py);
    interrupted = false;
    if (i < line.hints.size()) {
      absl::StrAppendFormat(&hits,
                            "<circle class=\"hit\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\">%s</circle>\n",
                            px, py, ChartHint(absl::StrCat(line.name, "\n", line.hints[i])));
    }
    if (i < line.hollow.size()) {
      mark += ChartDot(px, py, line.color, line.hollow[i]);
    } else if (static_cast<int>(i) == line.marked || alone) {
      mark += ChartDot(px, py, line.color, /*hollow=*/false);
    }
  }
  // Colours that repeat are told apart by dashes.
  absl::StrAppendFormat(svg, "<path class=\"series series-%d%s\" d=\"%s\"/>\n",
                        ColorNumber(line.color), Dashed(line.color), path);
  absl::StrAppend(svg, mark, hits);
}

}  // namespace

std::string LineChart(const ChartText& text, const AxisScale& x, const AxisScale& y,
                      const std::vector<ChartSeries>& series) {
  const ChartFrame frame(kWidth, kHeight, ChartFrame::LeftFor(y), kBottom);
  std::string svg = frame.Open(text);
  frame.DrawYTicks(y, &svg);
  frame.DrawXTicks(x, &svg);
  frame.DrawLabels(text, &svg);
  for (const ChartSeries& line : series) DrawBand(frame, x, y, line.band, line.color, &svg);
  for (const ChartSeries& line : series) DrawSeries(frame, x, y, line, &svg);
  return svg + "</svg>\n";
}

}  // namespace cassle
