#include "cassle/probes/few_shot.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

class GoldenFewShotTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("eval_few_shot.safetensors"));
    file_ = std::make_unique<SafetensorsFile>(file);
    const auto shape = Ints("shape");
    shape_ = {static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2])};
    episodes_ = shape[3];
    features_ = {file_->Get("x")->values<float>(), file_->Get("x")->shape[1]};
  }
  absl::Span<const int64_t> Ints(const std::string& name) const {
    return file_->Get(GetParam() + "." + name)->values<int64_t>();
  }
  absl::Span<const double> Doubles(const std::string& name) const {
    return file_->Get(GetParam() + "." + name)->values<double>();
  }
  EpisodeOutcome Run(int64_t episode) const {
    const auto rows = Ints("indices").subspan(episode * shape_.rows(), shape_.rows());
    return RunEpisode(features_, {rows.begin(), rows.end()}, shape_, 1.0);
  }

  // Theirs is another version of LIBLINEAR, and both stop where the gradient is 1e-4 of the first
  // one, so the optimum is known to about that part of the largest weight (2e-4 measured).
  static constexpr double kWeightError = 5e-4;

  static double Largest(const std::vector<double>& weights) {
    double largest = 0;
    for (double weight : weights) largest = std::max(largest, std::abs(weight));
    return largest;
  }

  double Decision(const EpisodeOutcome& outcome, int64_t row, int64_t way) const {
    double sum = outcome.biases[way];
    for (int64_t j = 0; j < features_.columns; ++j) {
      sum += features_.row(row)[j] * outcome.weights[way * features_.columns + j];
    }
    return sum;
  }

  std::unique_ptr<SafetensorsFile> file_;
  FeatureRows features_;
  EpisodeShape shape_;
  int64_t episodes_ = 0;
};

TEST_P(GoldenFewShotTest, PredictionsAndAccuraciesOfAllEpisodesEqualScikitLearns) {
  const int64_t d = features_.columns, queries = shape_.ways * shape_.queries;
  const auto labels = file_->Get("y")->values<int64_t>();
  std::vector<double> accuracies;
  int64_t differing = 0;
  ASSERT_EQ(Ints("pred").size(), episodes_ * queries);
  for (int64_t e = 0; e < episodes_; ++e) {
    const EpisodeOutcome outcome = Run(e);
    const auto rows = Ints("indices").subspan(e * shape_.rows(), shape_.rows());
    const double largest = Largest(outcome.weights);
    int64_t right = 0, theirs_right = 0;
    for (int64_t q = 0; q < queries; ++q) {
      const int64_t way = q / shape_.queries;
      const int64_t row = rows[way * shape_.rows_per_class() + shape_.shots + q % shape_.queries];
      // Every row of a way is of one class.
      EXPECT_EQ(labels[row], labels[rows[way * shape_.rows_per_class()]]);
      const int64_t theirs = Ints("pred")[e * queries + q];
      right += outcome.predictions[q] == way;
      theirs_right += theirs == way;
      if (outcome.predictions[q] == theirs) continue;
      // Only where the two classes are as good, for classifiers that agree as
      // ClassifiersEqualScikitLearns wants.
      ++differing;
      ASSERT_TRUE(theirs >= 0 && theirs < shape_.ways) << theirs;
      double sum = 1;
      for (int64_t j = 0; j < d; ++j) sum += std::abs(features_.row(row)[j]);
      EXPECT_LT(Decision(outcome, row, outcome.predictions[q]) - Decision(outcome, row, theirs),
                2 * kWeightError * largest * sum)
          << "episode " << e << " query " << q;
    }
    EXPECT_DOUBLE_EQ(outcome.accuracy, static_cast<double>(right) / queries) << e;
    EXPECT_DOUBLE_EQ(Doubles("acc")[e], static_cast<double>(theirs_right) / queries) << e;
    accuracies.push_back(Doubles("acc")[e]);
  }
  EXPECT_LE(differing, episodes_ * queries / 500);
  const EpisodeMean all = MeanOfEpisodes(accuracies);
  EXPECT_NEAR(all.mean, Doubles("mean")[0], 1e-12);
  EXPECT_NEAR(all.half_width, Doubles("ci95")[0], 1e-12);
}

TEST_P(GoldenFewShotTest, ClassifiersEqualScikitLearns) {
  const int64_t d = features_.columns, given = file_->Get(GetParam() + ".coef")->shape[0];
  EXPECT_GT(given, 0);
  for (int64_t e = 0; e < given; ++e) {
    const EpisodeOutcome outcome = Run(e);
    const auto weights = Doubles("coef").subspan(e * shape_.ways * d, shape_.ways * d);
    const auto biases = Doubles("intercept").subspan(e * shape_.ways, shape_.ways);
    double difference = 0, largest = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      difference = std::max(difference, std::abs(outcome.weights[i] - weights[i]));
      largest = std::max(largest, std::abs(weights[i]));
    }
    for (size_t i = 0; i < biases.size(); ++i) {
      difference = std::max(difference, std::abs(outcome.biases[i] - biases[i]));
    }
    EXPECT_LT(difference, kWeightError * largest) << e;
  }
}

TEST(FewShotTest, TwoWaysAndOneFeatureFollowTheClosedForm) {
  // Shots at +1 and -1: by symmetry the bias is 0, and w = 2 C s(-w) with the logistic function s.
  const std::vector<float> features = {1, 0.1f, 3, -1, -0.1f, 0.2f};
  const EpisodeShape shape{2, 1, 2};
  const EpisodeOutcome outcome = RunEpisode({features, 1}, {0, 1, 2, 3, 4, 5}, shape, 2.0);
  const double w = outcome.weights[0];
  // The gradient at w = 0 is 2; LIBLINEAR stops at 1e-4 / 2 of it.
  EXPECT_NEAR(w, 4 / (1 + std::exp(w)), 2e-4);
  EXPECT_NEAR(outcome.biases[0], 0, 1e-12);
  EXPECT_EQ(outcome.weights[1], -w);
  EXPECT_THAT(outcome.predictions, ::testing::ElementsAre(0, 0, 1, 0));
  EXPECT_EQ(outcome.accuracy, 0.75);
}

TEST(FewShotTest, EpisodesDrawDistinctRowsOfDistinctClassesThatHaveEnough) {
  std::vector<std::vector<int64_t>> classes(9);
  // Class c has c rows, 100 c and up.
  for (int64_t c = 0; c < 9; ++c) {
    for (int64_t i = 0; i < c; ++i) classes[c].push_back(100 * c + i);
  }
  const EpisodeShape shape{4, 1, 3};
  std::set<int64_t> seen_classes, seen_rows;
  for (int64_t e = 0; e < 200; ++e) {
    const std::vector<int64_t> rows = DrawEpisode(classes, shape, 7, e);
    ASSERT_EQ(rows.size(), 16);
    EXPECT_EQ(std::set<int64_t>(rows.begin(), rows.end()).size(), 16);
    std::set<int64_t> of_episode;
    for (int64_t i = 0; i < 16; ++i) {
      EXPECT_EQ(rows[i] / 100, rows[i / 4 * 4] / 100);
      of_episode.insert(rows[i] / 100);
    }
    EXPECT_EQ(of_episode.size(), 4);
    EXPECT_GE(*of_episode.begin(), 4);
    seen_classes.insert(of_episode.begin(), of_episode.end());
    seen_rows.insert(rows.begin(), rows.end());
  }
  EXPECT_EQ(seen_classes.size(), 5);
  EXPECT_EQ(seen_rows.size(), 4 + 5 + 6 + 7 + 8);
  EXPECT_EQ(DrawEpisode(classes, shape, 7, 3), DrawEpisode(classes, shape, 7, 3));
  EXPECT_NE(DrawEpisode(classes, shape, 7, 3), DrawEpisode(classes, shape, 8, 3));
}

INSTANTIATE_TEST_SUITE_P(Shapes, GoldenFewShotTest,
                         ::testing::ValuesIn(GoldenCases("eval_few_shot.safetensors", ".shape")));

}  // namespace
}  // namespace cassle
