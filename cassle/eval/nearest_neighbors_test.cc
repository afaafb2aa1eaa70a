#include "cassle/eval/nearest_neighbors.h"

#include <cmath>
#include <vector>

#include "cassle/base/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;

// Unit vectors of the plane at these angles, degrees.
PaddedMatrix<float> AtAngles(const std::vector<double>& degrees) {
  PaddedMatrix<float> rows(degrees.size(), 2);
  for (size_t i = 0; i < degrees.size(); ++i) {
    rows(i, 0) = static_cast<float>(std::cos(degrees[i] * M_PI / 180));
    rows(i, 1) = static_cast<float>(std::sin(degrees[i] * M_PI / 180));
  }
  return rows;
}

PaddedMatrix<float> Random(uint64_t seed, int64_t rows, int64_t columns) {
  PaddedMatrix<float> matrix(rows, columns);
  Philox random(StreamKey{seed});
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) matrix(i, j) = static_cast<float>(random.NextGaussian());
  }
  NormalizeRows(&matrix);
  return matrix;
}

TEST(NearestNeighborsTest, OneNeighbourGivesTheClassOfTheNearestRow) {
  const PaddedMatrix<float> bank = AtAngles({0, 100, 200});
  EXPECT_THAT(ClassifyByNeighbors(bank, {2, 0, 1}, AtAngles({10, 151, 149, 340}), 3,
                                  {.neighbors = 1, .temperature = 0.07, .threads = 1}),
              ElementsAre(2, 1, 0, 2));
}

TEST(NearestNeighborsTest, TheTemperatureDecidesBetweenTheNearestAndTheMajority) {
  // One row of class 1 at 5 degrees, two of class 0 at 30: cosines 0.9962 and 0.8660.
  const PaddedMatrix<float> bank = AtAngles({5, 30, -30, 180});
  const std::vector<int> labels = {1, 0, 0, 1};
  const auto classify = [&](double temperature) {
    return ClassifyByNeighbors(bank, labels, AtAngles({0}), 2,
                               {.neighbors = 3, .temperature = temperature, .threads = 1})[0];
  };
  // The majority wins from T = 0.1302 / log 2 = 0.1878 on.
  EXPECT_EQ(classify(0.18), 1);
  EXPECT_EQ(classify(0.195), 0);
}

TEST(NearestNeighborsTest, EqualDistancesAndVotesGoToTheFirst) {
  const PaddedMatrix<float> bank = AtAngles({90, 90, 90});
  EXPECT_THAT(ClassifyByNeighbors(bank, {2, 1, 0}, AtAngles({90}), 3,
                                  {.neighbors = 1, .temperature = 0.07, .threads = 1}),
              ElementsAre(2));
  EXPECT_THAT(ClassifyByNeighbors(bank, {2, 1, 1}, AtAngles({90}), 3,
                                  {.neighbors = 2, .temperature = 0.07, .threads = 1}),
              ElementsAre(1));
  // More neighbours than rows: all vote.
  EXPECT_THAT(ClassifyByNeighbors(bank, {0, 2, 2}, AtAngles({90}), 3,
                                  {.neighbors = 99, .temperature = 0.07, .threads = 1}),
              ElementsAre(2));
}

TEST(NearestNeighborsTest, EqualsTheSearchRowByRowForAnyNumberOfThreads) {
  const int64_t n = 83, m = 70, d = 37;
  const PaddedMatrix<float> bank = Random(1, n, d), queries = Random(2, m, d);
  std::vector<int> labels(n);
  for (int64_t i = 0; i < n; ++i) labels[i] = static_cast<int>(i * 7 % 5);
  std::vector<int> nearest(m);
  for (int64_t q = 0; q < m; ++q) {
    double best = -2;
    for (int64_t i = 0; i < n; ++i) {
      double cosine = 0;
      for (int64_t j = 0; j < d; ++j) cosine += double{bank(i, j)} * queries(q, j);
      if (cosine <= best) continue;
      best = cosine;
      nearest[q] = labels[i];
    }
  }
  NeighborOptions options{.neighbors = 1, .temperature = 0.07, .threads = 1};
  EXPECT_EQ(ClassifyByNeighbors(bank, labels, queries, 5, options), nearest);
  options.threads = 3;
  EXPECT_EQ(ClassifyByNeighbors(bank, labels, queries, 5, options), nearest);
}

TEST(NearestNeighborsTest, RowsOfZerosStayZero) {
  PaddedMatrix<float> rows(2, 3);
  rows(1, 0) = 3;
  rows(1, 2) = -4;
  NormalizeRows(&rows);
  EXPECT_EQ(rows(0, 0), 0);
  EXPECT_FLOAT_EQ(rows(1, 0), 0.6f);
  EXPECT_FLOAT_EQ(rows(1, 2), -0.8f);
}

}  // namespace
}  // namespace cassle
