#include "cassle/probes/tsne.h"

#include <algorithm>
#include <cmath>

#include "cassle/base/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

std::vector<double> Random(uint64_t seed, int64_t size) {
  Philox random(StreamKey{seed});
  std::vector<double> values(size);
  for (double& value : values) value = random.NextGaussian();
  return values;
}

std::vector<float> Floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// Three clusters of 40 points in 10 dimensions; point i is of cluster i % 3.
std::vector<float> Clusters() {
  std::vector<double> values = Random(4, 120 * 10);
  for (int64_t i = 0; i < 120; ++i) values[i * 10 + i % 3] += 12;
  return Floats(values);
}

TEST(PrincipalCoordinatesTest, FindAPlaneInManyDimensionsAndKeepDistances) {
  // Columns (3 a + 5, b, 0, ...) turned by 30 degrees: wide in n, then wide in d.
  for (int64_t d : {4, 40}) {
    const int64_t n = 12;
    const std::vector<double> flat = Random(1, 2 * n);
    std::vector<float> x(n * d, 0.0f);
    for (int64_t i = 0; i < n; ++i) {
      const double a = 3 * flat[2 * i] + 5, b = flat[2 * i + 1];
      x[i * d + 1] = static_cast<float>(a * std::cos(M_PI / 6) - b * std::sin(M_PI / 6));
      x[i * d + 3] = static_cast<float>(a * std::sin(M_PI / 6) + b * std::cos(M_PI / 6));
    }
    const PrincipalCoordinates plane = ProjectToComponents({x, d}, 2);
    ASSERT_EQ(plane.dimensions, 2);
    EXPECT_NEAR(plane.ratios[0] + plane.ratios[1], 1, 1e-12);
    EXPECT_GT(plane.ratios[0], plane.ratios[1]);
    for (int64_t i = 1; i < n; ++i) {
      const double a = 3 * (flat[2 * i] - flat[0]), b = flat[2 * i + 1] - flat[1];
      EXPECT_NEAR(std::hypot(plane.values[2 * i] - plane.values[0],
                             plane.values[2 * i + 1] - plane.values[1]),
                  std::hypot(a, b), 1e-5);
    }
    for (int k : {0, 1}) {
      double largest = 0, sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        sum += plane.values[2 * i + k];
        if (std::abs(plane.values[2 * i + k]) > std::abs(largest)) {
          largest = plane.values[2 * i + k];
        }
      }
      EXPECT_GT(largest, 0);
      EXPECT_NEAR(sum, 0, 1e-9);
    }
  }
}

TEST(TsneTest, AffinitiesAreSymmetricAndSumToOne) {
  const int64_t n = 40;
  const std::vector<float> p = TsneAffinities(Random(2, n * 3), n, 7, 1);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    EXPECT_EQ(p[i * n + i], 0);
    for (int64_t j = 0; j < n; ++j) {
      EXPECT_EQ(p[i * n + j], p[j * n + i]);
      sum += p[i * n + j];
    }
  }
  EXPECT_NEAR(sum, 1, 1e-6);
  EXPECT_EQ(TsneAffinities(Random(2, n * 3), n, 7, 3), p);
}

TEST(TsneTest, PointsOnARegularPolygonHaveThePerplexityAskedFor) {
  // By symmetry p_j|i is the same for all i, hence p_ij = p_j|i / n.
  const int64_t n = 31;
  std::vector<double> points;
  for (int64_t i = 0; i < n; ++i) {
    points.push_back(std::cos(2 * M_PI * i / n));
    points.push_back(std::sin(2 * M_PI * i / n));
  }
  for (double perplexity : {2.5, 5.0, 10.0}) {
    const std::vector<float> p = TsneAffinities(points, n, perplexity, 1);
    double entropy = 0;
    for (int64_t j = 1; j < n; ++j) {
      if (p[j] > 0) entropy -= n * p[j] * std::log(double{p[j]} * n);
    }
    EXPECT_NEAR(std::exp(entropy), perplexity, 1e-4);
  }
}

TEST(TsneTest, TheGradientIsThatOfTheDivergence) {
  const int64_t n = 14;
  const std::vector<float> p = TsneAffinities(Random(2, n * 3), n, 4, 1);
  const std::vector<double> map = Random(3, 2 * n);
  std::vector<double> gradient;
  TsneGradient(p, map, 1, 1, &gradient);
  for (int64_t i = 0; i < 2 * n; ++i) {
    std::vector<double> more = map, less = map;
    more[i] += 1e-5;
    less[i] -= 1e-5;
    // P is float32 and sums to 1 only to 1e-7, and the differences lose five digits.
    EXPECT_NEAR(gradient[i], (TsneDivergence(p, more, 1) - TsneDivergence(p, less, 1)) / 2e-5,
                1e-6);
  }
}

TEST(TsneTest, ClustersStayTogetherWhateverTheThreads) {
  const std::vector<float> x = Clusters();
  const PrincipalCoordinates points = ProjectToComponents({x, 10}, 50);
  TsneOptions options;
  options.perplexity = 10;
  options.iterations = 400;
  const TsneMap map = RunTsne(points, options);
  for (int64_t i = 0; i < 120; ++i) {
    int64_t nearest = -1;
    double least = INFINITY;
    for (int64_t j = 0; j < 120; ++j) {
      const double distance =
          std::hypot(map.map[2 * i] - map.map[2 * j], map.map[2 * i + 1] - map.map[2 * j + 1]);
      if (j == i || distance >= least) continue;
      least = distance;
      nearest = j;
    }
    EXPECT_EQ(nearest % 3, i % 3) << i;
  }
  EXPECT_GT(map.divergence, 0);
  EXPECT_LT(map.divergence, 1);
  options.threads = 3;
  EXPECT_EQ(RunTsne(points, options).map, map.map);
}

TEST(TsneTest, EqualPointsAreNoProblem) {
  std::vector<float> x(60 * 2, 0.0f);
  for (int64_t i = 40; i < 60; ++i) x[2 * i] = 1;
  TsneOptions options;
  options.perplexity = 5;
  options.iterations = 60;
  const TsneMap map = RunTsne(ProjectToComponents({x, 2}, 50), options);
  for (double value : map.map) EXPECT_TRUE(std::isfinite(value));
  EXPECT_TRUE(std::isfinite(map.divergence));
}

}  // namespace
}  // namespace cassle
