#include "cassle/eval/charts/bar_chart.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/letters.h"
#include "cassle/eval/charts/html_text.h"

namespace cassle {
namespace {

constexpr double kNarrow = 380, kWidest = 1000, kPlotHeight = 180, kBar = 14, kGap = 14;
// Of a name that hangs down; the hints of the bars have all of it.
constexpr int kSlantedLetters = 24;
constexpr double kSlant = 38;

// Room that the groups want.
double WantedWidth(int categories, int series) { return 60 + categories * (series * kBar + kGap); }

}  // namespace

bool IsWideBarChart(int categories, int series) { return WantedWidth(categories, series) > 480; }

std::string BarChart(const ChartText& text, const std::vector<std::string>& categories,
                     const AxisScale& y, const std::vector<BarSeries>& series) {
  const int groups = std::max<int>(1, categories.size());
  const int bars = std::max<int>(1, series.size());
  double width = std::clamp(WantedWidth(groups, bars), kNarrow, kWidest);
  double left = ChartFrame::LeftFor(y);
  const double group_width = (width - left - 14) / groups;
  int longest = 0;
  for (const std::string& category : categories) {
    longest = std::max(longest, CountLetters(category));
  }
  // Names that do not fit side by side hang down at an angle.
  const bool slanted = longest * kLetterWidth > group_width;
  std::vector<std::string> names = categories;
  if (slanted) {
    for (std::string& name : names) name = ShortenedInside(name, kSlantedLetters);
    const double excess = HangingNames{kSlant, left, group_width}.Excess(names);
    left += excess;
    width += excess;
  }
  const HangingNames hanging{kSlant, left, group_width};
  const double bottom = slanted ? 34 + 0.6 * kLetterWidth * std::min(longest, kSlantedLetters) : 42;
  const ChartFrame frame(width, kPlotHeight + 12 + bottom, left, bottom);
  std::string svg = frame.Open(text);
  frame.DrawYTicks(y, &svg);
  const double bar_width = group_width * 0.8 / bars;
  const double foot = frame.Y(y.Position(std::clamp(0.0, y.low, y.high)));
  for (int c = 0; c < static_cast<int>(categories.size()); ++c) {
    const double start = left + c * group_width + group_width * 0.1;
    for (int s = 0; s < static_cast<int>(series.size()); ++s) {
      if (c >= static_cast<int>(series[s].values.size())) continue;
      const double value = series[s].values[c];
      if (!y.Shows(value)) continue;
      const double tip = frame.Y(y.Position(value));
      absl::StrAppendFormat(
          &svg,
          "<rect class=\"mark-%d%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">%s"
          "</rect>\n",
          ColorNumber(series[s].color), Dashed(series[s].color), start + s * bar_width,
          std::min(tip, foot), std::max(1.0, bar_width - 1), std::max(0.5, std::abs(tip - foot)),
          ChartHint(absl::StrFormat("%s, %s: %.4g", categories[c], series[s].name, value)));
    }
    if (slanted) {
      hanging.Draw(c, frame.bottom() + 14, names[c], &svg);
      continue;
    }
    absl::StrAppendFormat(
        &svg, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
        left + (c + 0.5) * group_width, frame.bottom() + 17, EscapeHtml(names[c]));
  }
  absl::StrAppendFormat(&svg,
                        "<line class=\"base\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                        frame.left(), frame.right(), foot, foot);
  frame.DrawLabels(text, &svg);
  return svg + "</svg>\n";
}

}  // namespace cassle
