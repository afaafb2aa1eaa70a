#include "cassle/eval/charts/chart_frame.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/letters.h"
#include "cassle/eval/charts/html_text.h"

namespace cassle {
namespace {

// Of a hanging name's end, right of the middle of its column.
constexpr double kAside = 4;

}  // namespace

double HangingNames::Excess(const std::vector<std::string>& names) const {
  const double width = kLetterWidth * std::cos(degrees * std::acos(-1.0) / 180);
  double excess = 0;
  for (size_t c = 0; c < names.size(); ++c) {
    excess = std::max(excess, width * CountLetters(names[c]) - (left + (c + 0.5) * step + kAside));
  }
  return excess;
}

void HangingNames::Draw(int column, double y, const std::string& name, std::string* svg) const {
  absl::StrAppendFormat(svg,
                        "<text class=\"tick\" transform=\"translate(%.1f %.1f) rotate(-%g)\" "
                        "text-anchor=\"end\">%s</text>\n",
                        left + (column + 0.5) * step + kAside, y, degrees, EscapeHtml(name));
}

ChartFrame::ChartFrame(double width, double height, double left, double bottom)
    : width_(width), height_(height), left_(left), bottom_(bottom) {}

double ChartFrame::LeftFor(const AxisScale& y) {
  int widest = 2;
  for (const AxisTick& tick : y.ticks) widest = std::max(widest, CountLetters(tick.label));
  return 28 + 7 * widest;
}

std::string ChartFrame::Open(const ChartText& text) const {
  return absl::StrFormat(
      "<svg class=\"chart\" style=\"--units:%g\" viewBox=\"0 0 %g %g\" role=\"img\" "
      "aria-label=\"%s\">\n",
      width_, width_, height_, EscapeHtml(text.title));
}

void ChartFrame::DrawXTicks(const AxisScale& x, std::string* svg) const {
  for (const AxisTick& tick : x.ticks) {
    const double at = X(x.Position(tick.value));
    absl::StrAppendFormat(
        svg,
        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" y2=\"%g\"/>"
        "<text class=\"tick\" x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%s</text>\n",
        at, at, bottom(), bottom() + 4, at, bottom() + 17, tick.label);
  }
}

void ChartFrame::DrawYTicks(const AxisScale& y, std::string* svg) const {
  for (const AxisTick& tick : y.ticks) {
    const double at = Y(y.Position(tick.value));
    absl::StrAppendFormat(
        svg,
        "<line class=\"grid\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>"
        "<text class=\"tick\" x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
        left(), right(), at, at, left() - 8, at + 4, tick.label);
  }
}

void ChartFrame::DrawLabels(const ChartText& text, std::string* svg) const {
  absl::StrAppendFormat(svg,
                        "<text class=\"axis\" x=\"%g\" y=\"%g\" text-anchor=\"middle\">%s</text>\n",
                        (left() + right()) / 2, height_ - 6, EscapeHtml(text.x_label));
  absl::StrAppendFormat(svg,
                        "<text class=\"axis\" transform=\"translate(12 %g) rotate(-90)\" "
                        "text-anchor=\"middle\">%s</text>\n",
                        (top() + bottom()) / 2, EscapeHtml(text.y_label));
}

std::string ChartHint(const std::string& hint) {
  return absl::StrCat("<title>", EscapeHtml(hint), "</title>");
}

std::string ChartDot(double x, double y, int color, bool hollow) {
  return absl::StrFormat("<circle class=\"%s-%d%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"/>\n",
                         hollow ? "hollow series" : "mark mark", ColorNumber(color), Dashed(color),
                         x, y, hollow ? "3.5" : "5");
}

}  // namespace cassle
