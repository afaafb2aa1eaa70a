#include "cassle/eval/charts/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/letters.h"
#include "cassle/eval/charts/html_text.h"

namespace cassle {
namespace {

// Of a name left of the cells and below them; the hints of the cells have all of it.
constexpr int kRowLetters = 48;
constexpr int kColumnLetters = 24;
constexpr double kSlant = 48;
// Of a name's line; and how many rows may take that much where cells are smaller.
constexpr double kNameHeight = 11;
constexpr size_t kNamedRows = 40;
// Nine stops of viridis (matplotlib, CC0), R G B.
constexpr std::array<std::array<int, 3>, 9> kRamp = {{{68, 1, 84},
                                                      {71, 44, 122},
                                                      {59, 81, 139},
                                                      {44, 113, 142},
                                                      {33, 144, 141},
                                                      {39, 173, 129},
                                                      {92, 200, 99},
                                                      {170, 220, 50},
                                                      {253, 231, 37}}};

std::array<int, 3> ColorAt(double position) {
  const double at = std::clamp(position, 0.0, 1.0) * (kRamp.size() - 1);
  const size_t below = std::min<size_t>(at, kRamp.size() - 2);
  std::array<int, 3> color;
  for (int k = 0; k < 3; ++k) {
    color[k] =
        std::lround(kRamp[below][k] + (at - below) * (kRamp[below + 1][k] - kRamp[below][k]));
  }
  return color;
}

std::string Rgb(const std::array<int, 3>& color) {
  return absl::StrFormat("rgb(%d,%d,%d)", color[0], color[1], color[2]);
}

// Black or white, whichever stands out more. Every colour has 4.5 to 1 with one of them, which is
// what small letters need; contrast as in WCAG 2, where light is not linear in the numbers.
const char* InkOn(const std::array<int, 3>& color) {
  const auto light = [&](int k) {
    const double part = color[k] / 255.0;
    return part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
  };
  const double luminance = 0.2126 * light(0) + 0.7152 * light(1) + 0.0722 * light(2);
  const double with_black = (luminance + 0.05) / 0.05, with_white = 1.05 / (luminance + 0.05);
  return with_black > with_white ? "#000" : "#fff";
}

// Two digits, zeros among them, as far as a cell has room for them and a sign.
std::string CellNumber(double value) {
  const double size = std::abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-3)) return absl::StrFormat("%.0e", value);
  if (size >= 1e6) return absl::StrFormat("%.*fM", size < 1e7 ? 1 : 0, value / 1e6);
  if (size >= 1e3) return absl::StrFormat("%.*fk", size < 1e4 ? 1 : 0, value / 1e3);
  if (size >= 9.95 || size == 0) return absl::StrFormat("%.0f", value);
  if (size < 1e-2) return absl::StrFormat("%.3f", value);
  return absl::StrFormat("%#.2g", value);
}

int Longest(const std::vector<std::string>& names) {
  int longest = 0;
  for (const std::string& name : names) longest = std::max(longest, CountLetters(name));
  return longest;
}

// The ramp with the numbers of its axis, right of the cells.
void DrawKey(const AxisScale& values, double x, double top, double height, std::string* svg) {
  constexpr int kSteps = 32;
  for (int i = 0; i < kSteps; ++i) {
    absl::StrAppendFormat(
        svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"%.2f\" fill=\"%s\"/>\n", x,
        top + height * (1 - (i + 1.0) / kSteps), height / kSteps + 0.5,
        Rgb(ColorAt((i + 0.5) / kSteps)));
  }
  for (const AxisTick& tick : values.ticks) {
    absl::StrAppendFormat(svg, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + 15,
                          top + height * (1 - values.Position(tick.value)) + 4, tick.label);
  }
}

double CellSize(size_t columns) {
  return std::clamp(860.0 / std::max<size_t>(1, columns), 6.0, 34.0);
}

// The names as far as they are shown, where the cells begin, right of the names, and the width of
// it all, with the key right of the cells.
struct Layout {
  std::vector<std::string> rows, columns;
  double cell = 0, left = 0, width = 0;
};

Layout LayOut(const std::vector<std::string>& columns, const std::vector<HeatMapRow>& rows) {
  Layout layout;
  for (const HeatMapRow& row : rows) layout.rows.push_back(ShortenedInside(row.name, kRowLetters));
  for (const std::string& name : columns) {
    layout.columns.push_back(ShortenedInside(name, kColumnLetters));
  }
  layout.cell = CellSize(columns.size());
  layout.left = 34 + kLetterWidth * Longest(layout.rows);
  layout.left += HangingNames{kSlant, layout.left, layout.cell}.Excess(layout.columns);
  layout.width = layout.left + layout.cell * std::max<size_t>(1, columns.size()) + 70;
  return layout;
}

}  // namespace

bool IsWideHeatMap(const std::vector<std::string>& columns, const std::vector<HeatMapRow>& rows) {
  return LayOut(columns, rows).width > 560;
}

std::string HeatMap(const ChartText& text, const std::vector<std::string>& columns,
                    const AxisScale& values, const std::vector<HeatMapRow>& rows) {
  const int count = std::max<int>(1, columns.size());
  const Layout layout = LayOut(columns, rows);
  const double cell = layout.cell, left = layout.left, top = 12;
  // A few rows are high enough for their names, however many columns there are.
  const double row_height = rows.size() <= kNamedRows ? std::max(cell, kNameHeight) : cell;
  const double height = row_height * std::max<int>(1, rows.size());
  const double bottom = 34 + 0.75 * kLetterWidth * Longest(layout.columns);
  const ChartFrame frame(std::max(260.0, layout.width), std::max(height, 90.0) + top + bottom, left,
                         bottom);
  // Names of cells lower than the type are thinned out.
  const int every = std::max<int>(1, std::ceil(kNameHeight / cell));
  const int every_row = std::max<int>(1, std::ceil(kNameHeight / row_height));
  std::string svg = frame.Open(text);
  for (int r = 0; r < static_cast<int>(rows.size()); ++r) {
    const double y = top + r * row_height;
    if (r % every_row == 0) {
      absl::StrAppendFormat(
          &svg, "<text class=\"tick\" x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
          left - 6, y + row_height / 2 + 4, EscapeHtml(layout.rows[r]));
    }
    for (int c = 0; c < count && c < static_cast<int>(rows[r].values.size()); ++c) {
      const double value = rows[r].values[c];
      if (!values.Shows(value)) continue;
      const std::array<int, 3> color = ColorAt(values.Position(value));
      const std::string name = c < static_cast<int>(columns.size()) ? columns[c] : "";
      absl::StrAppendFormat(
          &svg,
          "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\">%s</rect>\n",
          left + c * cell, y, cell - 0.5, row_height - 0.5, Rgb(color),
          ChartHint(absl::StrFormat("%s, %s: %.4g", rows[r].name, name, value)));
      if (cell < 30) continue;
      absl::StrAppendFormat(&svg,
                            "<text class=\"cell\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" "
                            "fill=\"%s\">%s</text>\n",
                            left + (c + 0.5) * cell, y + row_height / 2 + 3.5, InkOn(color),
                            CellNumber(value));
    }
  }
  const HangingNames hanging{kSlant, left, cell};
  for (int c = 0; c < static_cast<int>(columns.size()); c += every) {
    hanging.Draw(c, top + height + 12, layout.columns[c], &svg);
  }
  DrawKey(values, left + cell * count + 14, top, std::max(height, 90.0), &svg);
  frame.DrawLabels(text, &svg);
  return svg + "</svg>\n";
}

}  // namespace cassle
