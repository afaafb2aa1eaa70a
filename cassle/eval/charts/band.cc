#include "cassle/eval/charts/band.h"

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace cassle {
namespace {

// Half of a lone point's bar, in units of the view box.
constexpr double kBarHalfWidth = 3;

// Points first .. last - 1, which all can be shown.
void DrawPart(const ChartFrame& frame, const AxisScale& x, const AxisScale& y, const Band& band,
              size_t first, size_t last, int color, std::string* svg) {
  std::vector<std::string> corners;
  const auto add = [&](const BandPoint& point, double value, double shift) {
    corners.push_back(absl::StrFormat("%.1f %.1f", frame.X(x.Position(point.x)) + shift,
                                      frame.Y(y.Position(value))));
  };
  const double aside = last - first == 1 ? kBarHalfWidth : 0;
  if (aside > 0) add(band[first], band[first].high, -aside);
  for (size_t i = first; i < last; ++i) add(band[i], band[i].high, aside);
  for (size_t i = last; i > first; --i) add(band[i - 1], band[i - 1].low, aside);
  if (aside > 0) add(band[first], band[first].low, -aside);
  absl::StrAppendFormat(svg, "<path class=\"band mark-%d\" d=\"M%sZ\"/>\n", ColorNumber(color),
                        absl::StrJoin(corners, "L"));
}

}  // namespace

void DrawBand(const ChartFrame& frame, const AxisScale& x, const AxisScale& y, const Band& band,
              int color, std::string* svg) {
  const auto shown = [&](const BandPoint& point) {
    return x.Shows(point.x) && y.Shows(point.low) && y.Shows(point.high);
  };
  for (size_t first = 0; first < band.size();) {
    size_t last = first;
    while (last < band.size() && shown(band[last])) ++last;
    if (last > first) DrawPart(frame, x, y, band, first, last, color, svg);
    first = last + 1;
  }
}

}  // namespace cassle
