#include "cassle/probes/nearest_neighbors.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cassle/base/philox.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// Vectors of the plane at these angles (degrees), of unequal lengths.
std::vector<float> AtAngles(const std::vector<double>& degrees) {
  std::vector<float> rows;
  for (size_t i = 0; i < degrees.size(); ++i) {
    rows.push_back(static_cast<float>((i + 1) * std::cos(degrees[i] * M_PI / 180)));
    rows.push_back(static_cast<float>((i + 1) * std::sin(degrees[i] * M_PI / 180)));
  }
  return rows;
}

std::vector<float> Random(uint64_t seed, int64_t size) {
  std::vector<float> values(size);
  Philox random(StreamKey{seed});
  for (float& value : values) value = static_cast<float>(random.NextGaussian());
  return values;
}

// The class of one query at 0 degrees.
int Classify(const std::vector<double>& bank_degrees, const std::vector<int>& labels,
             int64_t neighbors, double temperature) {
  const std::vector<float> bank = AtAngles(bank_degrees), query = AtAngles({0});
  const NeighborTable table = FindNeighbors({bank, 2}, {query, 2}, {.neighbors = neighbors});
  return VoteByNeighbors(table, labels, 3, neighbors, temperature)[0];
}

class GoldenNeighborsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("eval_knn.safetensors"));
    file_ = std::make_unique<SafetensorsFile>(file);
  }
  FeatureRows Rows(const std::string& name) const {
    return {file_->Get(name)->values<float>(), file_->Get(name)->shape[1]};
  }
  absl::Span<const int64_t> Ints(const std::string& name) const {
    return file_->Get(name)->values<int64_t>();
  }
  std::unique_ptr<SafetensorsFile> file_;
};

TEST_F(GoldenNeighborsTest, NearestRowSimilarityAndAccuracyEqualTheAuthors) {
  const FeatureRows bank = Rows("x_train");
  const NeighborTable table = FindNeighbors(bank, Rows("x_test"), {.neighbors = 1});
  EXPECT_THAT(table.rows, ElementsAreArray(Ints("knn.nearest")));
  const auto similarity = file_->Get("knn.similarity")->values<float>();
  for (size_t i = 0; i < similarity.size(); ++i) {
    // Theirs is a float32 product of float32 unit vectors: every one of its terms is rounded, and
    // their absolute values sum up to at most 1.
    EXPECT_NEAR(table.similarities[i], similarity[i], bank.columns * 0x1p-24) << i;
  }
  const auto train = Ints("y_train"), test = Ints("y_test");
  const std::vector<int> labels(train.begin(), train.end());
  const int classes = *std::max_element(labels.begin(), labels.end()) + 1;
  const std::vector<int> predicted = VoteByNeighbors(table, labels, classes, 1, 0.07);
  int64_t right = 0;
  for (size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == test[i];
  EXPECT_DOUBLE_EQ(static_cast<double>(right) / predicted.size(),
                   file_->Get("knn.acc")->values<double>()[0]);
}

TEST_F(GoldenNeighborsTest, NearestRowsEqualScikitLearnsInBothMetrics) {
  for (const auto& [name, metric] : {std::pair("top5.cosine", NeighborMetric::kCosine),
                                     std::pair("top5.euclidean", NeighborMetric::kEuclidean)}) {
    const int64_t neighbors = file_->Get(name)->shape[1];
    EXPECT_THAT(
        FindNeighbors(Rows("x_train"), Rows("x_test"), {.neighbors = neighbors, .metric = metric})
            .rows,
        ElementsAreArray(Ints(name)));
  }
}

TEST(NearestNeighborsTest, TheTemperatureDecidesBetweenTheNearestAndTheMajority) {
  // One row of class 1 at 5 degrees, two of class 0 at 30: cosines 0.9962 and 0.8660.
  const std::vector<double> bank = {5, 30, -30, 180};
  const std::vector<int> labels = {1, 0, 0, 1};
  // The majority wins from T = 0.1302 / log 2 = 0.1878 on.
  EXPECT_EQ(Classify(bank, labels, 3, 0.18), 1);
  EXPECT_EQ(Classify(bank, labels, 3, 0.195), 0);
  EXPECT_EQ(Classify(bank, labels, 3, 0), 0);
  EXPECT_EQ(Classify(bank, labels, 1, 0), 1);
}

TEST(NearestNeighborsTest, EqualVotesGoToTheSmallestClass) {
  EXPECT_EQ(Classify({10, 20, 90}, {2, 1, 0}, 2, 0), 1);
  // More neighbours than rows: all vote.
  EXPECT_EQ(Classify({0, 1, 2}, {0, 2, 2}, 99, 0), 2);
}

TEST(NearestNeighborsTest, SharesOfVotesSumToOneAndFollowTheWeights) {
  // At 0 and 60 degrees: cosines 1 and 1/2.
  const std::vector<float> bank = AtAngles({0, 60, 60}), query = AtAngles({0});
  const NeighborTable table = FindNeighbors({bank, 2}, {query, 2}, {.neighbors = 3});
  const std::vector<double> equal = VoteShares(table, {2, 0, 0}, 3, 3, 0);
  EXPECT_THAT(equal, testing::Pointwise(testing::DoubleNear(1e-15), {2.0 / 3, 0.0, 1.0 / 3}));
  const double weight = std::exp(-0.5 / 0.25);
  const std::vector<double> weighted = VoteShares(table, {2, 0, 0}, 3, 3, 0.25);
  // Similarities are float.
  EXPECT_NEAR(weighted[0], 2 * weight / (1 + 2 * weight), 1e-6);
  EXPECT_NEAR(weighted[0] + weighted[1] + weighted[2], 1, 1e-15);
}

TEST(NearestNeighborsTest, EquallyNearRowsComeInTheirOrder) {
  // 400 copies of five rows: more ties than candidates, over many blocks of the bank.
  const int64_t d = 19;
  const std::vector<float> five = Random(1, 5 * d), query = Random(2, d);
  std::vector<float> bank;
  for (int copy = 0; copy < 400; ++copy) bank.insert(bank.end(), five.begin(), five.end());
  for (NeighborMetric metric : {NeighborMetric::kCosine, NeighborMetric::kEuclidean}) {
    const NeighborTable one =
        FindNeighbors({five, d}, {query, d}, {.neighbors = 2, .metric = metric});
    const NeighborTable table =
        FindNeighbors({bank, d}, {query, d}, {.neighbors = 430, .metric = metric});
    for (int64_t i = 0; i < 400; ++i) EXPECT_EQ(table.rows[i], one.rows[0] + 5 * i);
    for (int64_t i = 400; i < 430; ++i) EXPECT_EQ(table.rows[i], one.rows[1] + 5 * (i - 400));
  }
}

TEST(NearestNeighborsTest, EqualsSortingRowByRowForAnyNumberOfThreads) {
  const int64_t n = 331, m = 411, d = 37;
  const std::vector<float> bank = Random(1, n * d), queries = Random(2, m * d);
  NeighborOptions options{.neighbors = 30};
  std::vector<int64_t> expected;
  for (int64_t q = 0; q < m; ++q) {
    std::vector<std::pair<double, int64_t>> order;
    for (int64_t i = 0; i < n; ++i) {
      double product = 0, square = 0;
      for (int64_t j = 0; j < d; ++j) {
        product += double{bank[i * d + j]} * queries[q * d + j];
        square += double{bank[i * d + j]} * bank[i * d + j];
      }
      order.push_back({-product / std::sqrt(square), i});
    }
    std::sort(order.begin(), order.end());
    for (int64_t k = 0; k < 30; ++k) expected.push_back(order[k].second);
  }
  EXPECT_EQ(FindNeighbors({bank, d}, {queries, d}, options).rows, expected);
  options.threads = 3;
  EXPECT_EQ(FindNeighbors({bank, d}, {queries, d}, options).rows, expected);
}

TEST(NearestNeighborsTest, LeaveOneOutIsTheSearchWithoutTheRowItself) {
  const int64_t n = 120, d = 5;
  const std::vector<float> bank = Random(3, n * d);
  const NeighborTable all = FindNeighbors({bank, d}, {bank, d}, {.neighbors = n});
  const NeighborTable others =
      FindNeighbors({bank, d}, {bank, d}, {.neighbors = n, .leave_one_out = true});
  ASSERT_EQ(others.neighbors, n - 1);
  for (int64_t q = 0; q < n; ++q) {
    EXPECT_EQ(all.rows[q * n], q);
    EXPECT_TRUE(std::equal(others.rows.begin() + q * (n - 1),
                           others.rows.begin() + (q + 1) * (n - 1), all.rows.begin() + q * n + 1));
  }
}

TEST(NearestNeighborsTest, DistancesSurviveALargeCommonOffset) {
  // Neighbours 1 apart, 10,000 from the origin: |x|^2 in float32 would hide them.
  std::vector<float> bank, query = {10004.4f, 10000};
  for (int i = 0; i < 60; ++i) bank.insert(bank.end(), {10000.f + i, 10000});
  const NeighborTable table =
      FindNeighbors({bank, 2}, {query, 2}, {.neighbors = 3, .metric = NeighborMetric::kEuclidean});
  EXPECT_THAT(table.rows, ElementsAre(4, 5, 3));
  EXPECT_NEAR(table.similarities[0], -0.4, 1e-3);
}

TEST(NearestNeighborsTest, DistancesSurviveARowFarOut) {
  // It would move the mean of the bank, and with it all that is looked for near the others.
  std::vector<float> bank = {1e9f, -1e9f}, query = {4.4f, 0};
  for (int i = 0; i < 60; ++i) bank.insert(bank.end(), {1.f * i, 0});
  const NeighborTable table =
      FindNeighbors({bank, 2}, {query, 2}, {.neighbors = 3, .metric = NeighborMetric::kEuclidean});
  EXPECT_THAT(table.rows, ElementsAre(5, 6, 4));
  EXPECT_NEAR(table.similarities[0], -0.4, 1e-6);
}

TEST(NearestNeighborsTest, RowsOfZerosAreLikeNothing) {
  const std::vector<float> bank = {0, 0, -1, 0}, queries = {1, 0, 0, 0};
  const NeighborTable table = FindNeighbors({bank, 2}, {queries, 2}, {.neighbors = 2});
  EXPECT_THAT(table.rows, ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(table.similarities, ElementsAre(0, -1, 0, 0));
}

TEST(NearestNeighborsTest, HugeAndTinyFeaturesKeepTheirOrder) {
  for (float scale : {1e-30f, 1e30f}) {
    const std::vector<float> bank = {0, 3 * scale, scale}, query = {1.9f * scale};
    EXPECT_THAT(
        FindNeighbors({bank, 1}, {query, 1}, {.neighbors = 3, .metric = NeighborMetric::kEuclidean})
            .rows,
        ElementsAre(2, 1, 0));
  }
}

TEST(NearestNeighborsTest, CosinesSurviveALargeCommonPart) {
  // All rows look the same way but for 1/3000: of unit rows in float32 little of that is left.
  const int64_t n = 400, m = 20, d = 16;
  std::vector<float> bank = Random(1, n * d), queries = Random(2, m * d);
  for (std::vector<float>* rows : {&bank, &queries}) {
    for (float& value : *rows) value += 3000;
  }
  // Rows of zeros stay like nothing.
  std::fill_n(bank.begin() + 7 * d, d, 0.0f);
  std::fill_n(queries.begin() + 5 * d, d, 0.0f);
  const auto cosine = [&](int64_t row, int64_t query) {
    double product = 0, of_row = 0, of_query = 0;
    for (int64_t j = 0; j < d; ++j) {
      product += double{bank[row * d + j]} * queries[query * d + j];
      of_row += double{bank[row * d + j]} * bank[row * d + j];
      of_query += double{queries[query * d + j]} * queries[query * d + j];
    }
    return product == 0 ? 0 : product / std::sqrt(of_row * of_query);
  };
  std::vector<int64_t> expected;
  for (int64_t q = 0; q < m; ++q) {
    std::vector<std::pair<double, int64_t>> order;
    for (int64_t i = 0; i < n; ++i) order.push_back({-cosine(i, q), i});
    std::sort(order.begin(), order.end());
    for (int64_t k = 0; k < 10; ++k) expected.push_back(order[k].second);
  }
  EXPECT_EQ(FindNeighbors({bank, d}, {queries, d}, {.neighbors = 10}).rows, expected);
  const NeighborTable all = FindNeighbors({bank, d}, {queries, d}, {.neighbors = n});
  EXPECT_EQ(all.rows[n - 1], 7);
  EXPECT_EQ(all.similarities[n - 1], 0);
}

}  // namespace
}  // namespace cassle
