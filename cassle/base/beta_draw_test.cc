#include "cassle/base/beta_draw.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace cassle {
namespace {

constexpr int kDraws = 40000;

std::vector<double> Draws(double a, double b) {
  Philox random(StreamKey{.seed = 3});
  std::vector<double> draws(kDraws);
  for (double& draw : draws) draw = DrawBeta(a, b, &random);
  return draws;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

TEST(BetaDrawTest, MeanAndVarianceAreThoseOfTheDistribution) {
  for (const auto& [a, b] : {std::pair(0.2, 0.2), {1.0, 1.0}, {0.5, 3.0}, {8.0, 2.0}}) {
    const std::vector<double> draws = Draws(a, b);
    const double mean = a / (a + b), variance = mean * (1 - mean) / (a + b + 1);
    std::vector<double> squares;
    for (double draw : draws) {
      EXPECT_GE(draw, 0);
      EXPECT_LE(draw, 1);
      squares.push_back((draw - mean) * (draw - mean));
    }
    // Four standard errors; the square of a value in [0, 1] varies by less than the value may.
    EXPECT_NEAR(Mean(draws), mean, 4 * std::sqrt(variance / kDraws)) << a << " " << b;
    EXPECT_NEAR(Mean(squares), variance, 4 * std::sqrt(variance / kDraws)) << a << " " << b;
  }
}

TEST(BetaDrawTest, EqualShapesAreSymmetricAndOfOneUniform) {
  std::vector<double> draws = Draws(0.4, 0.4), uniform = Draws(1, 1);
  std::sort(draws.begin(), draws.end());
  std::sort(uniform.begin(), uniform.end());
  for (const double q : {0.1, 0.25, 0.4}) {
    const auto place = static_cast<size_t>(q * kDraws);
    // A quantile's standard error is sqrt(q (1 - q) / n) / density; the density is above 0.5.
    const double error = 4 * std::sqrt(q * (1 - q) / kDraws) / 0.5;
    EXPECT_NEAR(draws[place], 1 - draws[kDraws - 1 - place], 2 * error) << q;
    EXPECT_NEAR(uniform[place], q, error) << q;
  }
}

TEST(BetaDrawTest, TinyShapesTakeOneSideWithoutUnderflow) {
  const std::vector<double> draws = Draws(1e-4, 1e-4);
  for (const double shape : {1e-4, 1e-307, std::numeric_limits<double>::denorm_min()}) {
    EXPECT_NEAR(Mean(Draws(shape, shape)), 0.5, 4 * 0.5 / std::sqrt(kDraws)) << shape;
  }
  // P(0.01 < l < 0.99) is about 1e-4 / 2 * ln(99^2).
  const auto between = std::count_if(draws.begin(), draws.end(),
                                     [](double draw) { return draw > 0.01 && draw < 0.99; });
  EXPECT_LT(between, kDraws / 500);
}

}  // namespace
}  // namespace cassle
