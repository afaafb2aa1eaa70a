#include "cassle/eval/charts/axis_scale.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cassle {
namespace {

// What an axis can end at: beyond, differences and quotients of doubles are no longer numbers.
constexpr double kLargest = 1e100, kSmallest = 1e-100;

// "10⁻⁶": exponents as small raised figures of the font.
std::string PowerOfTen(int exponent) {
  static const char* const kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "10⁻" : "10";
  for (char digit : absl::StrCat(std::abs(exponent))) text += kDigits[digit - '0'];
  return text;
}

// Of a number that is not negative, as all numbers of an axis are written: value = mantissa * the
// step's power of ten, 10^exponent; largest: of the axis.
std::string SizeLabel(double value, int exponent, double largest) {
  // Far from 0 small steps are read better as decimals: 0.70002, not 70002·10⁻⁵.
  const bool decimals = exponent >= -4 || largest >= 1e-2;
  if (!decimals || exponent >= 12) {
    return absl::StrFormat("%.0f·%s", value / std::pow(10.0, exponent), PowerOfTen(exponent));
  }
  if (exponent >= 9) return absl::StrFormat("%.0fG", value / 1e9);
  if (exponent >= 6) return absl::StrFormat("%.0fM", value / 1e6);
  if (exponent >= 3) return absl::StrFormat("%.0fk", value / 1e3);
  return absl::StrFormat("%.*f", std::max(0, -exponent), value);
}

std::string LinearLabel(double value, int exponent, double largest) {
  if (std::abs(value) < std::pow(10.0, exponent) / 2) return "0";
  return absl::StrCat(value < 0 ? "−" : "", SizeLabel(std::abs(value), exponent, largest));
}

// Multiples of powers of ten inside the range.
void AddLogTicks(const std::vector<int>& multiples, AxisScale* axis) {
  axis->ticks.clear();
  const int first = std::floor(std::log10(axis->low)), last = std::ceil(std::log10(axis->high));
  // About six labels, whatever the number of decades.
  const int every = std::max(1, static_cast<int>(std::lround((last - first) / 6.0)));
  // Small exponents as plain numbers, all of an axis in one way.
  const bool plain = first >= -3 && last <= 4;
  for (int e = first; e <= last; ++e) {
    if (e % every != 0) continue;
    for (int multiple : multiples) {
      const double value = multiple * std::pow(10.0, e);
      if (value < axis->low * (1 - 1e-9) || value > axis->high * (1 + 1e-9)) continue;
      std::string label = plain ? absl::StrFormat("%.*f", std::max(0, -e), value) : PowerOfTen(e);
      if (!plain && multiple != 1) label = absl::StrCat(multiple, "·", label);
      axis->ticks.push_back({value, label});
    }
  }
}

}  // namespace

double AxisScale::Position(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

AxisScale LinearAxis(ValueRange range, bool rounded, int intervals) {
  if (range.empty()) range = {0, 1};
  range = {std::clamp(range.low, -kLargest, kLargest), std::clamp(range.high, -kLargest, kLargest)};
  // Equal values, as far as drawing goes, get some room around them.
  const double largest = std::max(std::abs(range.high), std::abs(range.low));
  if (range.high - range.low <= std::max(largest * 1e-6, kSmallest)) {
    const double half = largest <= kSmallest ? 0.5 : largest / 10;
    range = {range.low - half, range.high + half};
  }
  int exponent = std::floor(std::log10((range.high - range.low) / intervals));
  double step = 0;
  for (int multiple : {1, 2, 5, 10}) {
    step = multiple * std::pow(10.0, exponent);
    if ((range.high - range.low) / step <= intervals) {
      if (multiple == 10) ++exponent;
      break;
    }
  }
  AxisScale axis;
  const double slack = 1e-9;
  const double first =
      rounded ? std::floor(range.low / step + slack) : std::ceil(range.low / step - slack);
  const double last =
      rounded ? std::ceil(range.high / step - slack) : std::floor(range.high / step + slack);
  axis.low = rounded ? first * step : range.low;
  axis.high = rounded ? last * step : range.high;
  for (double k = first; k <= last; ++k) {
    axis.ticks.push_back({k * step, LinearLabel(k * step, exponent, largest)});
  }
  return axis;
}

AxisScale LogAxis(ValueRange range) {
  if (range.empty() || range.low <= 0) range = {1, 10};
  range = {std::clamp(range.low, kSmallest, kLargest), std::clamp(range.high, kSmallest, kLargest)};
  if (range.high < range.low * 1.001) range = {range.low / 3, range.high * 3};
  AxisScale axis;
  axis.logarithmic = true;
  axis.low = range.low;
  axis.high = range.high;
  AddLogTicks({1}, &axis);
  if (axis.ticks.size() < 3) AddLogTicks({1, 2, 5}, &axis);
  if (axis.ticks.size() < 2) AddLogTicks({1, 2, 3, 4, 5, 6, 7, 8, 9}, &axis);
  if (axis.ticks.size() >= 2) return axis;
  // Less than a ninth of a decade: the ticks of a linear axis, at their logarithms.
  axis.ticks = LinearAxis(range, /*rounded=*/false, 4).ticks;
  return axis;
}

}  // namespace cassle
