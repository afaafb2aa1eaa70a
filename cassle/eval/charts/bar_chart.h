// Groups of bars as inline SVG (cassle/eval/charts/chart_frame.h): one group per category, one bar
// per series.
#ifndef CASSLE_EVAL_CHARTS_BAR_CHART_H_
#define CASSLE_EVAL_CHARTS_BAR_CHART_H_

#include <string>
#include <vector>

#include "cassle/eval/charts/axis_scale.h"
#include "cassle/eval/charts/chart_frame.h"

namespace cassle {

struct BarSeries {
  std::string name;
  // 0-based index of its colour.
  int color = 0;
  // One per category; not a number: no bar.
  std::vector<double> values;
};

// Bars begin at 0, or where the axis does if that is above (or ends, below).
std::string BarChart(const ChartText& text, const std::vector<std::string>& categories,
                     const AxisScale& y, const std::vector<BarSeries>& series);

// Whether a chart of that size takes the whole width of the page.
bool IsWideBarChart(int categories, int series);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_BAR_CHART_H_
