// Bands around the lines of a line chart: intervals, spreads.
#ifndef CASSLE_EVAL_CHARTS_BAND_H_
#define CASSLE_EVAL_CHARTS_BAND_H_

#include <string>
#include <vector>

#include "cassle/eval/charts/axis_scale.h"
#include "cassle/eval/charts/chart_frame.h"

namespace cassle {

struct BandPoint {
  double x = 0;
  double low = 0;
  double high = 0;
};

// Ascending x. A point that an axis cannot show interrupts the band.
using Band = std::vector<BandPoint>;

// The band in the series' colour, translucent; a point by itself is a narrow bar.
void DrawBand(const ChartFrame& frame, const AxisScale& x, const AxisScale& y, const Band& band,
              int color, std::string* svg);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_BAND_H_
