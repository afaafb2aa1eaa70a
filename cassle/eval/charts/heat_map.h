// Heat maps as inline SVG (cassle/eval/charts/chart_frame.h): one column per category, one row per
// series.
#ifndef CASSLE_EVAL_CHARTS_HEAT_MAP_H_
#define CASSLE_EVAL_CHARTS_HEAT_MAP_H_

#include <string>
#include <vector>

#include "cassle/eval/charts/axis_scale.h"
#include "cassle/eval/charts/chart_frame.h"

namespace cassle {

struct HeatMapRow {
  std::string name;
  // One per category; not a number: no colour.
  std::vector<double> values;
};

// `values` is the axis of the colours, shared by all maps beside this one; text.y_label says what
// the rows are. Colours are those of viridis (evenly light to the eye, readable without red and
// green), the same on light and dark pages. Numbers stand in the cells where these are large
// enough.
std::string HeatMap(const ChartText& text, const std::vector<std::string>& columns,
                    const AxisScale& values, const std::vector<HeatMapRow>& rows);

// Whether the map, names included, takes the whole width of the page: beside another one its type
// would be too small.
bool IsWideHeatMap(const std::vector<std::string>& columns, const std::vector<HeatMapRow>& rows);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_HEAT_MAP_H_
