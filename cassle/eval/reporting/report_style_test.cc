// Colours of the style sheet as eyes see them.
#include "cassle/eval/reporting/report_style.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/eval/charts/chart_frame.h"
#include "cassle/eval/charts/scatter_plot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using Light = std::array<double, 3>;

// "#0072b2" of --c1: the first definition is that of light pages, the second that of dark ones.
std::string Named(const std::string& name, bool dark) {
  const std::string style = kReportStyle, key = absl::StrCat("--", name, ": #");
  size_t at = style.find(key);
  if (dark) at = style.find(key, at + 1);
  return at == std::string::npos ? "" : style.substr(at + key.size() - 1, 7);
}

// Linear light of "#rrggbb".
Light LightOf(const std::string& color) {
  Light light;
  for (int k = 0; k < 3; ++k) {
    const double part = std::stoi(color.substr(1 + 2 * k, 2), nullptr, 16) / 255.0;
    light[k] = part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
  }
  return light;
}

double Luminance(const Light& light) {
  return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
}

// WCAG 2.
double Contrast(const std::string& a, const std::string& b) {
  const double x = Luminance(LightOf(a)), y = Luminance(LightOf(b));
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

using Vision = std::array<std::array<double, 3>, 3>;
// Machado, Oliveira and Fernandes 2009, severity 1: without green cones, without red ones.
constexpr Vision kDeuteranopia = {{{0.367322, 0.860646, -0.227968},
                                   {0.280085, 0.672501, 0.047413},
                                   {-0.011820, 0.042940, 0.968881}}};
constexpr Vision kProtanopia = {{{0.152286, 1.052583, -0.204868},
                                 {0.114503, 0.786281, 0.099216},
                                 {-0.003882, -0.048116, 1.051998}}};

// CIE L*a*b* of what that eye sees.
Light Seen(const std::string& color, const Vision& vision) {
  const Light light = LightOf(color);
  Light seen = {};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) seen[i] += vision[i][j] * light[j];
    seen[i] = std::clamp(seen[i], 0.0, 1.0);
  }
  const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
  const double x = f((0.4124 * seen[0] + 0.3576 * seen[1] + 0.1805 * seen[2]) / 0.9505);
  const double y = f(Luminance(seen));
  const double z = f((0.0193 * seen[0] + 0.1192 * seen[1] + 0.9505 * seen[2]) / 1.089);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

class ReportStyleTest : public ::testing::TestWithParam<bool> {
 protected:
  std::string Color(const std::string& name) const { return Named(name, GetParam()); }
  std::vector<std::string> SeriesColors() const {
    std::vector<std::string> colors;
    for (int i = 1; i <= kSeriesColors; ++i) colors.push_back(Color(absl::StrCat("c", i)));
    return colors;
  }
};

TEST_P(ReportStyleTest, TextHasTheContrastThatReadingNeeds) {
  for (const char* text : {"ink", "soft", "c1"}) {
    for (const char* paper : {"page", "card"}) {
      EXPECT_GE(Contrast(Color(text), Color(paper)), 4.5) << text << " on " << paper;
    }
  }
}

TEST_P(ReportStyleTest, MarksHaveTheContrastThatSeeingNeeds) {
  for (const std::string& color : SeriesColors()) {
    for (const char* paper : {"page", "card"}) {
      EXPECT_GE(Contrast(color, Color(paper)), 3) << color << " on " << paper;
    }
  }
}

// A difference of 1 is just seen side by side; curves are not side by side.
TEST_P(ReportStyleTest, ColoursAreToldApartWithoutRedAndGreen) {
  const std::vector<std::string> colors = SeriesColors();
  for (const Vision& vision : {kDeuteranopia, kProtanopia}) {
    for (size_t i = 0; i < colors.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const Light a = Seen(colors[i], vision), b = Seen(colors[j], vision);
        EXPECT_GE(std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]), 13)
            << colors[i] << " and " << colors[j];
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(LightAndDark, ReportStyleTest, ::testing::Values(false, true));

TEST(ScatterColoursTest, AreThoseOfALightPage) {
  ScatterPlot plot;
  for (int i = 0; i < kSeriesColors; ++i) {
    plot.points.insert(plot.points.end(), {double(i), 0});
    plot.classes.push_back(i);
    plot.class_names.push_back("c");
  }
  for (int i = 1; i <= kSeriesColors; ++i) {
    EXPECT_THAT(ScatterSvg(plot), ::testing::HasSubstr(Named(absl::StrCat("c", i), false)));
  }
}

}  // namespace
}  // namespace cassle
