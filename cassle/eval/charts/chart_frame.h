// What charts have in common: an inline SVG with grid, ticks and names of the axes. No script, no
// font, no network; colours and type come from the page's style sheet (report_style.h).
#ifndef CASSLE_EVAL_CHARTS_CHART_FRAME_H_
#define CASSLE_EVAL_CHARTS_CHART_FRAME_H_

#include <string>
#include <vector>

#include "cassle/eval/charts/axis_scale.h"

namespace cassle {

// Colours of the style sheet (--c1, ...): further series repeat them, told apart by dashes.
inline constexpr int kSeriesColors = 8;

// " dashed" of a series whose colour another one had, behind the names of its classes; else "".
inline const char* Dashed(int series) { return series >= kSeriesColors ? " dashed" : ""; }

// "3" of series-3, for a 0-based index.
inline int ColorNumber(int series) { return series % kSeriesColors + 1; }

// Width of a letter of the type, about.
inline constexpr double kLetterWidth = 6.6;

// Names below the middles of columns, at an angle that leads up to them.
struct HangingNames {
  double degrees = 0;
  // Of the first column; between columns.
  double left = 0, step = 0;

  // How much further right the columns must begin for all names to lie within the picture.
  double Excess(const std::vector<std::string>& names) const;
  // Appends the name of a column, whose end is at height y.
  void Draw(int column, double y, const std::string& name, std::string* svg) const;
};

// Text of a chart. All of it is escaped when drawn.
struct ChartText {
  // For screen readers.
  std::string title;
  std::string x_label;
  std::string y_label;
};

// Geometry in user units of the view box: origin at the top left. The page scales it, between
// bounds that leave its type readable (--units, in report_style.h).
class ChartFrame {
 public:
  // `bottom`: room below the plot for ticks and the name of the x axis.
  ChartFrame(double width, double height, double left, double bottom);

  // Room that labels of the y axis need beside its name.
  static double LeftFor(const AxisScale& y);

  double left() const { return left_; }
  double right() const { return width_ - kRight; }
  double top() const { return kTop; }
  double bottom() const { return height_ - bottom_; }
  double X(double position) const { return left() + position * (right() - left()); }
  double Y(double position) const { return bottom() + position * (top() - bottom()); }

  // "<svg ...>", to which everything else is appended; "</svg>" is the caller's.
  std::string Open(const ChartText& text) const;
  // Lines and numbers at the ticks.
  void DrawXTicks(const AxisScale& x, std::string* svg) const;
  void DrawYTicks(const AxisScale& y, std::string* svg) const;
  // The names of the axes.
  void DrawLabels(const ChartText& text, std::string* svg) const;

 private:
  // Half of the widest number at the end of the x axis ("1000k") lies right of the plot.
  static constexpr double kTop = 12, kRight = 20;
  const double width_, height_, left_, bottom_;
};

// A tooltip of the shape that it stands in.
std::string ChartHint(const std::string& hint);

// A dot in the colour of a series; of colours that repeat with a dashed rim.
std::string ChartDot(double x, double y, int color, bool hollow);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_CHART_FRAME_H_
