#include "cassle/probes/view_retrieval.h"

#include <cmath>
#include <vector>

#include "cassle/base/philox.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(RankOfTest, CountsWhatIsMoreSimilarWhateverItsLength) {
  const std::vector<float> candidates = {1, 0, 10, 10, 0, 0.1f, -1, 0};
  const std::vector<float> prediction = {3, 1};
  const FeatureRows rows = {candidates, 2}, query = {prediction, 2};
  // Cosines 0.95, 0.89, 0.32, -0.95.
  for (int64_t target = 0; target < 4; ++target) EXPECT_EQ(RankOf(query, rows, target), target + 1);
}

TEST(RankOfTest, WhatIsAllAlikeRanksLast) {
  const std::vector<float> same = {1, 2, 1, 2, 1, 2}, zeros(6, 0), prediction = {1, 0};
  for (int64_t target = 0; target < 3; ++target) {
    EXPECT_EQ(RankOf({prediction, 2}, {same, 2}, target), 3);
    EXPECT_EQ(RankOf({prediction, 2}, {zeros, 2}, target), 3);
  }
}

TEST(RanksTest, AreSummedUpAsSieDoes) {
  const std::vector<int64_t> ranks = {1, 2, 4, 10};
  EXPECT_DOUBLE_EQ(MeanReciprocalRank(ranks), (1 + 0.5 + 0.25 + 0.1) / 4);
  EXPECT_EQ(HitsAt(ranks, 1), 0.25);
  EXPECT_EQ(HitsAt(ranks, 5), 0.75);
  EXPECT_EQ(HitsAt(ranks, 10), 1);
  EXPECT_DOUBLE_EQ(RandomReciprocalRank(4), (1 + 1 / 2. + 1 / 3. + 1 / 4.) / 4);
}

TEST(RetrievalErrorsTest, AreNothingForTheRowItselfAndOneForARowAtRandom) {
  // Two parameters of their own scale, and one that does not vary.
  std::vector<float> parameters;
  Philox random(StreamKey{1});
  constexpr int64_t kRows = 20000;
  for (int64_t i = 0; i < kRows; ++i) {
    parameters.push_back(static_cast<float>(100 + 5 * random.NextGaussian()));
    parameters.push_back(random.Bernoulli(0.2) ? 1.0f : 0.0f);
    parameters.push_back(0.1f);
  }
  const FeatureRows rows = {parameters, 3};
  std::vector<int64_t> meant, found;
  for (int64_t i = 0; i < kRows; ++i) {
    meant.push_back(i);
    found.push_back(static_cast<int64_t>(random.Below(kRows)));
  }
  const std::vector<double> none = RetrievalErrors(rows, meant, meant);
  EXPECT_EQ(none[0], 0);
  EXPECT_EQ(none[1], 0);
  const std::vector<double> chance = RetrievalErrors(rows, found, meant);
  // Means of 20,000.
  EXPECT_NEAR(chance[0], 1, 0.05);
  EXPECT_NEAR(chance[1], 1, 0.05);
  EXPECT_TRUE(std::isnan(chance[2]));
}

TEST(RetrievalErrorsTest, AreSquaredDifferencesOverTwiceTheVariance) {
  const std::vector<float> parameters = {0, 2, 4};  // variance 8 / 3
  EXPECT_DOUBLE_EQ(RetrievalErrors({parameters, 1}, {0, 1}, {2, 1})[0],
                   (16 + 0) / 2.0 / (2 * 8 / 3.0));
}

}  // namespace
}  // namespace cassle
