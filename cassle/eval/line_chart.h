// Line charts as inline SVG: no script, no font, no network; colours and type come from the page's
// style sheet (classes chart, grid, tick, series-N).
#ifndef CASSLE_EVAL_LINE_CHART_H_
#define CASSLE_EVAL_LINE_CHART_H_

#include <string>
#include <utility>
#include <vector>

namespace cassle {

// Text that is safe between tags and inside quoted attributes.
std::string EscapeHtml(const std::string& text);

struct ChartSeries {
  std::string name;
  // 0-based; the style sheet has kSeriesColors colours, further ones repeat them.
  int color = 0;
  // (x, y), ascending x; x > 0.
  std::vector<std::pair<double, double>> points;
  // Index of the point with a ring, -1 for none.
  int marked = -1;
};

inline constexpr int kSeriesColors = 8;

// y over log10 x; y is a fraction and is drawn in per cent. x_label and y_label name the axes;
// every point shows its numbers when pointed at. `title` is for screen readers.
std::string LogXChart(const std::string& title, const std::string& x_label,
                      const std::string& y_label, const std::vector<ChartSeries>& series);

}  // namespace cassle

#endif  // CASSLE_EVAL_LINE_CHART_H_
