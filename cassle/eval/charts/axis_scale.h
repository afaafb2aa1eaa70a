// Axes of charts: where values lie between the two ends, and round numbers to write beside them.
#ifndef CASSLE_EVAL_CHARTS_AXIS_SCALE_H_
#define CASSLE_EVAL_CHARTS_AXIS_SCALE_H_

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace cassle {

// The smallest interval that holds every value added; values that are not finite are left out.
struct ValueRange {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return low > high; }
  void Add(double value) {
    if (!std::isfinite(value)) return;
    if (value < low) low = value;
    if (value > high) high = value;
  }
};

struct AxisTick {
  double value = 0;
  std::string label;
};

struct AxisScale {
  double low = 0, high = 1;
  // Values lie by their logarithm; low > 0.
  bool logarithmic = false;
  std::vector<AxisTick> ticks;

  // Whether the axis can show the value at all.
  bool Shows(double value) const { return std::isfinite(value) && (!logarithmic || value > 0); }
  // 0 at low, 1 at high.
  double Position(double value) const;
};

// Steps of 1, 2 or 5 times a power of ten, at most `intervals` of them. The ends are ticks when
// `rounded`, else the range's own.
AxisScale LinearAxis(ValueRange range, bool rounded, int intervals = 6);

// Ticks at powers of ten; at 1, 2 and 5 times these when the range spans few of them. The range
// must hold positive values only.
AxisScale LogAxis(ValueRange range);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_AXIS_SCALE_H_
