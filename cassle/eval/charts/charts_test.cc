#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/letters.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/charts/axis_scale.h"
#include "cassle/eval/charts/bar_chart.h"
#include "cassle/eval/charts/chart_frame.h"
#include "cassle/eval/charts/heat_map.h"
#include "cassle/eval/charts/html_text.h"
#include "cassle/eval/charts/interval_chart.h"
#include "cassle/eval/charts/line_chart.h"
#include "cassle/eval/charts/scatter_plot.h"
#include "cassle/eval/charts/svg_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Labels(const AxisScale& axis) {
  std::vector<std::string> labels;
  for (const AxisTick& tick : axis.ticks) labels.push_back(tick.label);
  return labels;
}

int Count(const std::string& text, const std::string& part) {
  return static_cast<int>(std::vector<std::string>(absl::StrSplit(text, part)).size()) - 1;
}

TEST(AxisScaleTest, LinearTicksAreRound) {
  EXPECT_THAT(Labels(LinearAxis({0.13, 0.58}, true)),
              ElementsAre("0.1", "0.2", "0.3", "0.4", "0.5", "0.6"));
  EXPECT_THAT(Labels(LinearAxis({-1, 1}, true)), ElementsAre("−1.0", "−0.5", "0", "0.5", "1.0"));
  EXPECT_THAT(Labels(LinearAxis({0, 11000}, true)),
              ElementsAre("0", "2k", "4k", "6k", "8k", "10k", "12k"));
  EXPECT_THAT(Labels(LinearAxis({3, 97}, false)), ElementsAre("20", "40", "60", "80"));
  EXPECT_THAT(Labels(LinearAxis({0, 2e-5}, true, 2)), ElementsAre("0", "1·10⁻⁵", "2·10⁻⁵"));
  // Far from 0, large, negative.
  EXPECT_THAT(Labels(LinearAxis({0.7, 0.70003}, true, 2)),
              ElementsAre("0.70000", "0.70002", "0.70004"));
  EXPECT_THAT(Labels(LinearAxis({0, 2e6}, true, 2)), ElementsAre("0", "1M", "2M"));
  EXPECT_THAT(Labels(LinearAxis({-4e9, 0}, true, 2)), ElementsAre("−4G", "−2G", "0"));
  EXPECT_THAT(Labels(LinearAxis({-4000, 0}, true, 2)), ElementsAre("−4k", "−2k", "0"));
  EXPECT_THAT(Labels(LinearAxis({-4e-7, 0}, true, 2)), ElementsAre("−4·10⁻⁷", "−2·10⁻⁷", "0"));
  EXPECT_THAT(Labels(LinearAxis({0, 2e15}, true, 2)), ElementsAre("0", "1·10¹⁵", "2·10¹⁵"));
}

TEST(AxisScaleTest, RoundedEndsHoldTheRange) {
  for (double low : {-7.3, 0.0, 0.001, 12.0}) {
    for (double width : {1e-3, 0.7, 3.0, 40.0, 1e6}) {
      const AxisScale axis = LinearAxis({low, low + width}, true);
      EXPECT_LE(axis.low, low + 1e-9 * width);
      EXPECT_GE(axis.high, low + width - 1e-9 * width);
      EXPECT_GE(axis.ticks.size(), 3) << low << " " << width;
      EXPECT_LE(axis.ticks.size(), 9) << low << " " << width;
      EXPECT_EQ(axis.Position(axis.low), 0);
      EXPECT_EQ(axis.Position(axis.high), 1);
    }
  }
}

TEST(AxisScaleTest, EqualValuesHaveRoom) {
  for (double value : {0.0, 5.0, -2.0, 1e-12, 1e12}) {
    const AxisScale axis = LinearAxis({value, value}, true);
    EXPECT_LT(axis.low, value);
    EXPECT_GT(axis.high, value);
  }
  const AxisScale nothing = LinearAxis({}, true);
  EXPECT_EQ(nothing.low, 0);
  EXPECT_EQ(nothing.high, 1);
}

TEST(AxisScaleTest, NumbersAtTheEndsOfDoublesStillMakeAnAxis) {
  for (const ValueRange range : {ValueRange{-1e308, 1e308}, ValueRange{0, 5e-324},
                                 ValueRange{5e-324, 1e-320}, ValueRange{1e308, 1.7e308}}) {
    for (const AxisScale& axis : {LinearAxis(range, true), LogAxis(range)}) {
      EXPECT_LT(axis.low, axis.high);
      EXPECT_GE(axis.ticks.size(), 2);
      EXPECT_LE(axis.ticks.size(), 300);
    }
  }
}

TEST(AxisScaleTest, LogTicksArePowersOfTen) {
  EXPECT_THAT(Labels(LogAxis({1, 1000})), ElementsAre("1", "10", "100", "1000"));
  EXPECT_THAT(Labels(LogAxis({1, 20})), ElementsAre("1", "2", "5", "10", "20"));
  EXPECT_THAT(Labels(LogAxis({1e-6, 1e5})),
              ElementsAre("10⁻⁶", "10⁻⁴", "10⁻²", "10⁰", "10²", "10⁴"));
  EXPECT_GE(LogAxis({1.01, 1.06}).ticks.size(), 2);
  const AxisScale axis = LogAxis({1, 100});
  EXPECT_DOUBLE_EQ(axis.Position(10), 0.5);
  EXPECT_FALSE(axis.Shows(0));
  EXPECT_FALSE(axis.Shows(NAN));
  // Values that logarithms cannot show are no reason to fail.
  EXPECT_GE(LogAxis({-1, 5}).ticks.size(), 2);
}

TEST(LineChartTest, NothingToDrawIsStillAChart) {
  const ChartText text = {"t", "x", "y"};
  EXPECT_THAT(LineChart(text, LogAxis({}), LinearAxis({}, true), {}), HasSubstr("</svg>"));
  ChartSeries one;
  one.name = "one";
  one.points = {{1.0, 0.5}};
  const std::string svg = LineChart(text, LogAxis({1, 1}), LinearAxis({0.5, 0.5}, true), {one});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  // A point alone is a dot.
  EXPECT_THAT(svg, HasSubstr("<circle class=\"mark mark-1\""));
}

TEST(LineChartTest, APointBetweenHolesIsADot) {
  ChartSeries line;
  line.points = {{1, 1}, {2, NAN}, {3, 2}, {4, NAN}, {5, 1}, {6, 1}};
  const std::string svg =
      LineChart({"t", "x", "y"}, LinearAxis({1, 6}, false), LinearAxis({0, 2}, true), {line});
  EXPECT_EQ(Count(svg, "<circle class=\"mark mark-1\""), 2);
}

TEST(LineChartTest, HolesInterruptTheLine) {
  ChartSeries line;
  line.name = "<line>";
  line.color = 9;
  line.points = {{1, 1}, {2, 2}, {3, NAN}, {4, 1}, {5, 1}};
  line.hints = {"a", "b", "c", "d", "e"};
  const std::string svg =
      LineChart({"\"t\"", "x", "y"}, LinearAxis({1, 5}, false), LinearAxis({0, 2}, true), {line});
  EXPECT_EQ(Count(svg, "M"), 2);
  EXPECT_EQ(Count(svg, "class=\"hit\""), 4);
  EXPECT_THAT(svg, HasSubstr("series-2 dashed"));
  EXPECT_THAT(svg, HasSubstr("&lt;line&gt;\nd"));
  EXPECT_THAT(svg, HasSubstr("aria-label=\"&quot;t&quot;\""));
}

TEST(LineChartTest, ABandGoesAlongItsUpperEndAndBackAlongItsLower) {
  ChartSeries line;
  line.color = 2;
  line.points = {{0, 5}, {1, 5}};
  line.band = {{0, 2.5, 7.5}, {1, 0, 10}};
  const std::string svg =
      LineChart({"t", "x", "y"}, LinearAxis({0, 1}, false), LinearAxis({0, 10}, true), {line});
  const size_t band = svg.find("<path class=\"band mark-3\"");
  ASSERT_NE(band, std::string::npos);
  // Below the line.
  EXPECT_LT(band, svg.find("class=\"series series-3\""));
  const std::vector<std::string> points =
      absl::StrSplit(svg.substr(svg.find(" d=\"M", band) + 5,
                                svg.find("Z\"/>", band) - svg.find(" d=\"M", band) - 5),
                     'L');
  ASSERT_EQ(points.size(), 4);
  const auto y = [&](int i) {
    return std::stod(std::vector<std::string>(absl::StrSplit(points[i], ' '))[1]);
  };
  // A quarter of the height lies between 7.5 and 10 as between 0 and 2.5.
  EXPECT_NEAR(y(0) - y(1), (y(2) - y(1)) / 4, 0.1);
  EXPECT_NEAR(y(2) - y(3), (y(2) - y(1)) / 4, 0.1);
  EXPECT_GT(y(2), y(1));
}

TEST(LineChartTest, HolesInterruptTheBand) {
  ChartSeries line;
  line.band = {{1, 0, 1}, {2, 0, 1}, {3, NAN, 1}, {4, 0, 1}, {5, 0, 1}};
  for (const BandPoint& point : line.band) line.points.emplace_back(point.x, 0.5);
  const std::string svg =
      LineChart({"t", "x", "y"}, LinearAxis({1, 5}, false), LinearAxis({0, 1}, true), {line});
  EXPECT_EQ(Count(svg, "class=\"band"), 2);
}

TEST(LineChartTest, EveryPointHasADotWhereSomeAreHollow) {
  ChartSeries line;
  line.color = 8;
  line.points = {{1, 1}, {2, 2}, {3, NAN}, {4, 1}};
  line.hollow = {false, true, true, true};
  const std::string svg =
      LineChart({"t", "x", "y"}, LinearAxis({1, 4}, false), LinearAxis({0, 2}, true), {line});
  // The ninth colour is the first again, dashed.
  EXPECT_EQ(Count(svg, "class=\"mark mark-1 dashed\""), 1);
  EXPECT_EQ(Count(svg, "class=\"hollow series-1 dashed\""), 2);
}

TEST(IntervalChartTest, DotsAndWhiskersLieWhereTheirValuesAre) {
  const AxisScale axis = LinearAxis({-10, 10}, true);
  const IntervalSeries first = {
      "10 epochs", 0, {{5, 0, 10, false, "a"}, {NAN, NAN, NAN, false, ""}}};
  const IntervalSeries second = {
      "30 epochs", 1, {{5, 2.5, 10, true, "b"}, {-5, -10, -1, false, "c"}}};
  const std::string svg =
      IntervalChart({"t", "row", "gain"}, {"<one>", "two"}, axis, {first, second});
  EXPECT_EQ(Count(svg, "class=\"whisker"), 3);
  // 0 is within the first only.
  EXPECT_EQ(Count(svg, " unsure\""), 1);
  EXPECT_EQ(Count(svg, "class=\"hollow series-2\""), 1);
  EXPECT_EQ(Count(svg, "class=\"mark mark-"), 2);
  EXPECT_THAT(svg, HasSubstr("&lt;one&gt;\n30 epochs\nb</title>"));
  const auto number = [&](const std::string& before, const std::string& after) {
    const size_t at = svg.find(after, svg.find(before)) + after.size();
    return std::stod(svg.substr(at));
  };
  const double zero = number("class=\"base\"", "x1=\"");
  const double left = number("whisker series-1", "x1=\""),
               right = number("whisker series-1", "x2=\"");
  EXPECT_NEAR(left, zero, 0.11);
  EXPECT_NEAR(number("class=\"mark mark-1\"", "cx=\""), (left + right) / 2, 0.11);
  EXPECT_LT(number("class=\"mark mark-2\"", "cx=\""), zero);
}

// A thin whisker says that the interval holds 0.
TEST(IntervalChartTest, ANinthSeriesIsDashedAndAsThickAsTheOthers) {
  const std::string svg = IntervalChart({"t", "row", "gain"}, {"row"}, LinearAxis({0, 10}, true),
                                        {{"ninth", kSeriesColors, {{5, 2, 8, false, ""}}}});
  EXPECT_EQ(Count(svg, "class=\"whisker series-1 dashed\""), 1);
}

TEST(IntervalChartTest, NothingToDrawIsStillAChart) {
  EXPECT_THAT(IntervalChart({"t", "row", "gain"}, {}, LinearAxis({}, true), {}),
              HasSubstr("</svg>"));
}

// As wide as a whisker, or one length alone would show no interval.
TEST(LineChartTest, ABandOfOnePointIsABar) {
  ChartSeries line;
  line.points = {{1, 0.5}};
  line.band = {{1, 0.25, 0.75}};
  const std::string svg =
      LineChart({"t", "x", "y"}, LinearAxis({0, 2}, false), LinearAxis({0, 1}, true), {line});
  EXPECT_EQ(Count(svg, "class=\"band"), 1);
  EXPECT_EQ(Count(svg.substr(svg.find("class=\"band"), 120), "L"), 3);
}

TEST(BarChartTest, BarsBeginAtZero) {
  const AxisScale y = LinearAxis({-1, 1}, true);
  const std::string svg =
      BarChart({"t", "x", "y"}, {"a", "<b>"}, y, {{"up", 0, {1, NAN}}, {"down", 1, {-1, -0.5}}});
  EXPECT_EQ(Count(svg, "<rect"), 3);
  // Both whole bars are half of the plot of 180 units.
  EXPECT_EQ(Count(svg, "height=\"90.0\""), 2);
  EXPECT_EQ(Count(svg, "height=\"45.0\""), 1);
  EXPECT_THAT(svg, HasSubstr(">&lt;b&gt;</text>"));
  EXPECT_FALSE(IsWideBarChart(5, 2));
  EXPECT_TRUE(IsWideBarChart(20, 2));
}

TEST(HeatMapTest, ColoursGoFromDarkToBright) {
  const AxisScale values = LinearAxis({0, 1}, false);
  const std::string svg = HeatMap({"t", "x", "y"}, {"a", "b", "c"}, values,
                                  {{"row", {0, 1, NAN}}, {"other", {0.5, 0.5, 0.5}}});
  EXPECT_THAT(svg, HasSubstr("fill=\"rgb(68,1,84)\"><title>row, a: 0</title>"));
  EXPECT_THAT(svg, HasSubstr("fill=\"rgb(253,231,37)\"><title>row, b: 1</title>"));
  EXPECT_EQ(Count(svg, "<title>"), 5);
  // Numbers in the large cells, readable on either end.
  EXPECT_THAT(svg, HasSubstr("fill=\"#fff\">0</text>"));
  EXPECT_THAT(svg, HasSubstr("fill=\"#000\">1.0</text>"));
  // The middle of the ramp is brighter than it looks: white letters would have 3 to 1.
  EXPECT_THAT(HeatMap({"t", "x", "y"}, {"a", "b", "c"}, values, {{"row", {0.6, 0.45, 0.4}}}),
              AllOf(HasSubstr("fill=\"#000\">0.60</text>"), HasSubstr("fill=\"#000\">0.45</text>"),
                    HasSubstr("fill=\"#fff\">0.40</text>")));
  // Every number has as many digits as the others.
  const std::string digits =
      HeatMap({"t", "x", "y"}, {"a", "b", "c", "d"}, values, {{"row", {0.9, 0.93, -0.5, 12.04}}});
  for (const char* number : {">0.90<", ">0.93<", ">-0.50<", ">12<"}) {
    EXPECT_THAT(digits, HasSubstr(number));
  }
  // Large and small numbers fit into a cell.
  const std::string wide =
      HeatMap({"t", "x", "y"}, std::vector<std::string>(7, "c"), LinearAxis({-1, 2e7}, false),
              {{"row", {91234, 1234, 0.00001, -0.0047, -0.045, 1.2e6, 2e7}}});
  for (const char* number :
       {">91k<", ">1.2k<", ">1e-05<", ">-0.005<", ">-0.045<", ">1.2M<", ">20M<"}) {
    EXPECT_THAT(wide, HasSubstr(number));
  }
  std::vector<std::string> many(200, "c");
  EXPECT_THAT(HeatMap({"t", "x", "y"}, many, values, {{"row", std::vector<double>(200, 0.5)}}),
              Not(HasSubstr("class=\"cell\"")));
}

TEST(HeatMapTest, AFewRowsAreNamedWhateverTheNumberOfColumns) {
  const std::vector<double> row(81, 0.5);
  const std::string svg = HeatMap({"t", "x", "y"}, std::vector<std::string>(81, "c"),
                                  LinearAxis({0, 1}, false), {{"first", row}, {"second", row}});
  EXPECT_THAT(svg, AllOf(HasSubstr(">first</text>"), HasSubstr(">second</text>")));
  // Names of columns are thinned out.
  EXPECT_LT(Count(svg, ">c</text>"), 81);
}

// Encoders often differ in their last words only.
TEST(HeatMapTest, LongNamesKeepBothEndsAndTheirHints) {
  const std::string same = std::string(60, 'c');
  const std::string svg = HeatMap({"t", "x", "y"}, {"k" + same + "1"}, LinearAxis({0, 1}, false),
                                  {{"r" + same + "1", {0.5}}, {"r" + same + "2", {0.5}}});
  for (const char* end : {"1", "2"}) {
    EXPECT_THAT(svg, HasSubstr(absl::StrCat(">r", std::string(23, 'c'), "\u2026",
                                            std::string(22, 'c'), end, "</text>")));
    EXPECT_THAT(svg, HasSubstr(absl::StrCat("r", same, end, ", k", same, "1: 0.5")));
  }
  EXPECT_THAT(svg, HasSubstr(absl::StrCat(">k", std::string(11, 'c'), "\u2026",
                                          std::string(10, 'c'), "1</text>")));
}

TEST(HeatMapTest, NamesAreARoomOfTheirOwn) {
  const std::vector<std::string> columns(8, "c");
  EXPECT_FALSE(IsWideHeatMap(columns, {{"short", {}}}));
  EXPECT_TRUE(IsWideHeatMap(columns, {{std::string(48, 'r'), {}}}));
  EXPECT_TRUE(IsWideHeatMap(std::vector<std::string>(20, "c"), {{"short", {}}}));
}

TEST(BarChartTest, LongNamesKeepBothEnds) {
  const std::string same = std::string(60, 'c');
  const std::string svg = BarChart({"t", "x", "y"}, {same + "1", same + "2"},
                                   LinearAxis({0, 1}, true), {{"up", 0, {1, 1}}});
  for (const char* end : {"1", "2"}) {
    EXPECT_THAT(svg, HasSubstr(absl::StrCat(">", std::string(12, 'c'), "\u2026",
                                            std::string(10, 'c'), end, "</text>")));
  }
}

// Where the leftmost of the names begins that lead up to their columns at an angle; 0 is the edge.
double LeftmostHanging(const std::string& svg, double degrees) {
  double leftmost = 1e9;
  const std::vector<std::string> texts = absl::StrSplit(svg, "<text class=\"tick\" transform=");
  for (size_t i = 1; i < texts.size(); ++i) {
    const std::string name =
        texts[i].substr(texts[i].find('>') + 1, texts[i].find("</text>") - texts[i].find('>') - 1);
    const double end = std::stod(texts[i].substr(texts[i].find('(') + 1));
    leftmost = std::min(leftmost, end - kLetterWidth * CountLetters(name) *
                                            std::cos(degrees * std::acos(-1.0) / 180));
  }
  return leftmost;
}

TEST(HangingNamesTest, LongNamesLieWithinThePictureBesideShortOnesOfRows) {
  const std::vector<std::string> names = {
      "a", std::string(22, 'b'), std::string(60, 'c'), "d", "e", "f", "g", "h", "i", "j"};
  const std::vector<double> values(names.size(), 1);
  const std::string bars =
      BarChart({"t", "x", "y"}, names, LinearAxis({0, 1}, true), {{"up", 0, values}});
  EXPECT_GE(LeftmostHanging(bars, 38), -0.1);
  EXPECT_LT(LeftmostHanging(bars, 38), 100);
  const std::string map =
      HeatMap({"t", "x", "y"}, names, LinearAxis({0, 1}, false), {{"r", values}});
  EXPECT_GE(LeftmostHanging(map, 48), -0.1);
  EXPECT_LT(LeftmostHanging(map, 48), 100);
}

TEST(HtmlTextTest, TextIsCutBetweenLetters) {
  EXPECT_EQ(ShortenedInside("abc", 3), "abc");
  EXPECT_EQ(ShortenedInside("\u00e4\u00f6\u00fc", 3), "\u00e4\u00f6\u00fc");
  EXPECT_EQ(ShortenedInside("\u00e4\u00f6\u00fc\u00df", 3), "\u00e4\u2026\u00df");
  EXPECT_EQ(ShortenedInside("abcdefg", 6), "abc\u2026fg");
}

// A test split may have the last of a hundred classes only.
TEST(ScatterPlotTest, AFewOfManyClassesAreToldApart) {
  ScatterPlot plot;
  plot.points = {0, 0, 1, 1};
  plot.classes = {80, 99};
  plot.class_names = std::vector<std::string>(100, "c");
  const std::string svg = ScatterSvg(plot);
  EXPECT_THAT(svg, AllOf(HasSubstr("id=\"k80\" fill=\"#0072b2\""),
                         HasSubstr("id=\"k99\" fill=\"#d55e00\"")));
  // Where all numbers are below 40 they say what a class looks like.
  plot.classes = {1, 39};
  EXPECT_THAT(ScatterSvg(plot), AllOf(HasSubstr("id=\"k1\" fill=\"#d55e00\""),
                                      HasSubstr("id=\"k39\" fill=\"#505050\"")));
}

TEST(ScatterPlotTest, LongNamesOfClassesKeepBothEndsAndStayUtf8) {
  std::string accents, name = "a";
  for (int i = 0; i < 30; ++i) name += "\u00e9";
  for (int i = 0; i < 10; ++i) accents += "\u00e9";
  name += "1";
  ScatterPlot plot;
  plot.points = {0, 0, 1, 1};
  plot.classes = {0, 0};
  plot.class_names = {name};
  const std::string svg = ScatterSvg(plot);
  EXPECT_OK(CheckSvg(svg));
  EXPECT_THAT(svg, HasSubstr(">a" + accents + "\u00e9\u2026" + accents + "1</text>"));
}

}  // namespace
}  // namespace cassle
