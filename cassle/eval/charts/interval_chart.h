// Values with their intervals as inline SVG (cassle/eval/charts/chart_frame.h): a line per row, in
// it a dot with whiskers per series, so that dozens of rows can be compared (a forest plot).
#ifndef CASSLE_EVAL_CHARTS_INTERVAL_CHART_H_
#define CASSLE_EVAL_CHARTS_INTERVAL_CHART_H_

#include <string>
#include <vector>

#include "cassle/eval/charts/axis_scale.h"
#include "cassle/eval/charts/chart_frame.h"

namespace cassle {

struct IntervalPoint {
  // Not a number: nothing is drawn.
  double value = 0;
  double low = 0;
  double high = 0;
  bool hollow = false;
  // Tooltip, below the names of row and series.
  std::string hint;
};

struct IntervalSeries {
  std::string name;
  // 0-based index of its colour.
  int color = 0;
  // One per row.
  std::vector<IntervalPoint> points;
};

// `values` is the axis from left to right, shared by all charts beside this one; text.y_label names
// it. Intervals that hold 0 are thinner. As wide as a page, and wider with long names.
std::string IntervalChart(const ChartText& text, const std::vector<std::string>& rows,
                          const AxisScale& values, const std::vector<IntervalSeries>& series);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_INTERVAL_CHART_H_
