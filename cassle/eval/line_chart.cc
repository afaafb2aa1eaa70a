#include "cassle/eval/line_chart.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace cassle {
namespace {

// In user units of the view box; the page scales it.
constexpr double kWidth = 380, kHeight = 236;
constexpr double kLeft = 46, kRight = 12, kTop = 12, kBottom = 42;

struct Scale {
  double low, high, from, to;
  double operator()(double value) const {
    return from + (value - low) / (high - low) * (to - from);
  }
};

// "10⁻⁶": exponents as small raised figures of the font.
std::string PowerOfTen(int exponent) {
  static const char* const kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "10⁻" : "10";
  for (char digit : absl::StrCat(std::abs(exponent))) text += kDigits[digit - '0'];
  return text;
}

// Steps of 1, 2, 5, 10 or 20 points that give at most six intervals.
double Step(double range) {
  for (double step : {1.0, 2.0, 5.0, 10.0}) {
    if (range / step <= 6) return step;
  }
  return 20;
}

}  // namespace

std::string EscapeHtml(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string LogXChart(const std::string& title, const std::string& x_label,
                      const std::string& y_label, const std::vector<ChartSeries>& series) {
  double x_low = 1e300, x_high = -1e300, y_low = 100, y_high = 0;
  for (const ChartSeries& line : series) {
    for (const auto& [x, y] : line.points) {
      x_low = std::min(x_low, std::log10(x));
      x_high = std::max(x_high, std::log10(x));
      y_low = std::min(y_low, 100 * y);
      y_high = std::max(y_high, 100 * y);
    }
  }
  if (x_low > x_high) x_low = 0, x_high = 1, y_low = 0, y_high = 100;
  if (x_high - x_low < 1e-9) x_low -= 0.5, x_high += 0.5;
  const double step = Step(y_high - y_low);
  y_low = std::max(0.0, std::floor(y_low / step) * step);
  y_high = std::ceil(y_high / step) * step;
  if (y_high - y_low < step) y_high = y_low + step;
  const Scale px{x_low, x_high, kLeft, kWidth - kRight};
  const Scale py{y_low, y_high, kHeight - kBottom, kTop};

  std::string svg = absl::StrFormat(
      "<svg class=\"chart\" viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">\n", kWidth,
      kHeight, EscapeHtml(title));
  for (double y = y_low; y <= y_high + 1e-9; y += step) {
    absl::StrAppendFormat(
        &svg,
        "<line class=\"grid\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>"
        "<text class=\"tick\" x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
        kLeft, kWidth - kRight, py(y), py(y), kLeft - 8, py(y) + 4, y);
  }
  const int every = std::max<int>(1, std::lround((x_high - x_low) / 6));
  for (int e = std::ceil(x_low - 1e-9); e <= x_high + 1e-9; ++e) {
    if (e % every != 0) continue;
    absl::StrAppendFormat(
        &svg,
        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" y2=\"%g\"/>"
        "<text class=\"tick\" x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%s</text>\n",
        px(e), px(e), kHeight - kBottom, kHeight - kBottom + 4, px(e), kHeight - kBottom + 17,
        PowerOfTen(e));
  }
  absl::StrAppendFormat(&svg,
                        "<text class=\"axis\" x=\"%g\" y=\"%g\" text-anchor=\"middle\">%s</text>\n",
                        (kLeft + kWidth - kRight) / 2, kHeight - 6, EscapeHtml(x_label));
  absl::StrAppendFormat(&svg,
                        "<text class=\"axis\" transform=\"translate(12 %g) rotate(-90)\" "
                        "text-anchor=\"middle\">%s</text>\n",
                        (kTop + kHeight - kBottom) / 2, EscapeHtml(y_label));
  for (const ChartSeries& line : series) {
    const int color = line.color % kSeriesColors + 1;
    // Colours that repeat are told apart by dashes.
    const char* dashed = line.color >= kSeriesColors ? " dashed" : "";
    std::string path, hits;
    for (const auto& [x, y] : line.points) {
      const double at_x = px(std::log10(x)), at_y = py(100 * y);
      absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : "L", at_x, at_y);
      absl::StrAppendFormat(&hits,
                            "<circle class=\"hit\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>%s\n"
                            "w = %.3g: %.1f %%</title></circle>\n",
                            at_x, at_y, EscapeHtml(line.name), x, 100 * y);
    }
    absl::StrAppendFormat(&svg, "<path class=\"series series-%d%s\" d=\"%s\"/>\n", color, dashed,
                          path);
    if (line.marked >= 0 && line.marked < static_cast<int>(line.points.size())) {
      const auto& [x, y] = line.points[line.marked];
      absl::StrAppendFormat(&svg,
                            "<circle class=\"mark mark-%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n",
                            color, px(std::log10(x)), py(100 * y));
    }
    svg += hits;
  }
  return svg + "</svg>\n";
}

}  // namespace cassle
