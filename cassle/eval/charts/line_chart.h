// Line charts as inline SVG (cassle/eval/charts/chart_frame.h).
#ifndef CASSLE_EVAL_CHARTS_LINE_CHART_H_
#define CASSLE_EVAL_CHARTS_LINE_CHART_H_

#include <string>
#include <utility>
#include <vector>

#include "cassle/eval/charts/axis_scale.h"
#include "cassle/eval/charts/band.h"
#include "cassle/eval/charts/chart_frame.h"

namespace cassle {

struct ChartSeries {
  std::string name;
  // 0-based index of its colour.
  int color = 0;
  // (x, y), ascending x. A point that an axis cannot show interrupts the line; one between two such
  // is a dot.
  std::vector<std::pair<double, double>> points;
  // One text per point for the tooltip, below the name; empty: no tooltips.
  std::vector<std::string> hints;
  // Index of the point with a dot, -1 for none.
  int marked = -1;
  // One per point, which then all have a dot: whether it is hollow; or empty.
  std::vector<bool> hollow;
  // Drawn below all lines; empty: none.
  Band band;
};

// The axes are those of all charts beside this one.
std::string LineChart(const ChartText& text, const AxisScale& x, const AxisScale& y,
                      const std::vector<ChartSeries>& series);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_LINE_CHART_H_
