#include "cassle/eval/charts/interval_chart.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/letters.h"
#include "cassle/eval/charts/html_text.h"

namespace cassle {
namespace {

// Of what is right of the names.
constexpr double kPlot = 500, kBottom = 42;
// Of a series in a row, and between rows.
constexpr double kLine = 11, kGap = 8;

void DrawPoint(const IntervalPoint& point, double left, double right, double at, double y,
               const std::string& names, int color, std::string* svg) {
  const bool unsure = point.low <= 0 && 0 <= point.high;
  absl::StrAppendFormat(svg,
                        "<line class=\"whisker series-%d%s%s\" x1=\"%.1f\" x2=\"%.1f\" "
                        "y1=\"%.1f\" y2=\"%.1f\"/>\n",
                        ColorNumber(color), Dashed(color), unsure ? " unsure" : "", left, right, y,
                        y);
  absl::StrAppend(svg, ChartDot(at, y, color, point.hollow));
  absl::StrAppendFormat(svg, "<circle class=\"hit\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\">%s</circle>\n",
                        at, y, ChartHint(absl::StrCat(names, "\n", point.hint)));
}

}  // namespace

std::string IntervalChart(const ChartText& text, const std::vector<std::string>& rows,
                          const AxisScale& values, const std::vector<IntervalSeries>& series) {
  int longest = 0;
  for (const std::string& row : rows) longest = std::max(longest, CountLetters(row));
  const double row_height = kLine * std::max<size_t>(1, series.size()) + kGap;
  const double left = 24 + kLetterWidth * longest;
  const ChartFrame frame(left + kPlot, 12 + row_height * std::max<size_t>(1, rows.size()) + kBottom,
                         left, kBottom);
  std::string svg = frame.Open(text);
  frame.DrawXTicks(values, &svg);
  const auto x = [&](double value) { return frame.X(values.Position(value)); };
  if (values.low <= 0 && 0 <= values.high) {
    absl::StrAppendFormat(&svg,
                          "<line class=\"base\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" y2=\"%g\"/>\n",
                          x(0), x(0), frame.top(), frame.bottom());
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    const double top = frame.top() + r * row_height;
    absl::StrAppendFormat(&svg,
                          "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" "
                          "text-anchor=\"end\">%s</text>\n",
                          frame.left() - 8, top + row_height / 2 + 4, EscapeHtml(rows[r]));
    for (size_t s = 0; s < series.size(); ++s) {
      const IntervalPoint& point = series[s].points[r];
      if (!values.Shows(point.value) || !values.Shows(point.low) || !values.Shows(point.high)) {
        continue;
      }
      DrawPoint(point, x(point.low), x(point.high), x(point.value),
                top + kGap / 2 + (s + 0.5) * kLine, absl::StrCat(rows[r], "\n", series[s].name),
                series[s].color, &svg);
    }
  }
  frame.DrawLabels({text.title, text.y_label, text.x_label}, &svg);
  return svg + "</svg>\n";
}

}  // namespace cassle
