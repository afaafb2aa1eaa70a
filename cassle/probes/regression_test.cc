#include "cassle/probes/regression.h"

#include <cmath>
#include <vector>

#include "cassle/base/philox.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(RegressionMetricsTest, AreTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("eval_metrics.safetensors"));
  const auto read = [&](const std::string& name) {
    const auto values = golden.Get(name)->values<float>();
    return std::vector<double>(values.begin(), values.end());
  };
  const std::vector<double> pred = read("r2.pred"), target = read("r2.target");
  const int64_t outputs = golden.Get("r2.pred")->shape[1];
  // Theirs are float32 sums.
  EXPECT_NEAR(SquaredCorrelation(pred, target), golden.Get("r2.value")->values<double>()[0], 1e-6);
  EXPECT_NEAR(NormalizedSquaredCorrelation(pred, target, outputs),
              golden.Get("r2_norm.value")->values<double>()[0], 1e-6);
  const double l1 = read("l1.sum")[0];
  EXPECT_NEAR(AbsoluteError(pred, target), l1, 1e-6 * l1);
}

TEST(RegressionMetricsTest, ClosedForms) {
  // Any line fits: scale, sign and offset of predictions do not count.
  EXPECT_NEAR(SquaredCorrelation({1, 2, 3}, {-7, -9, -11}), 1, 1e-12);
  EXPECT_NEAR(SquaredCorrelation({1, 2, 3}, {1, 0, 1}), 0, 1e-12);
  EXPECT_EQ(SquaredCorrelation({0.1, 0.1, 0.1}, {1, 2, 3}), 0);
  EXPECT_EQ(SquaredCorrelation({1, 2, 3}, {0.1, 0.1, 0.1}), 0);
  // Columns whose means are right and nothing else.
  EXPECT_GT(SquaredCorrelation({0, 100, 0.1, 100}, {0, 100, 1, 99}), 0.99);
  EXPECT_NEAR(MeanSquaredCorrelation({0, 100, 0.1, 100}, {0, 100, 1, 99}, 2), 0.5, 1e-12);
  EXPECT_NEAR(NormalizedSquaredCorrelation({3, 4, 10, 0, 0, 0}, {6, 8, 1, 0, 0, 0}, 2), 1, 1e-12);
  EXPECT_EQ(AbsoluteError({1, 2}, {3, 1}), 3);
}

// y = (x0, x1 - x0) + noise with few rows and many columns, so that w matters.
RegressionData MakeData(int64_t columns, uint64_t seed, PaddedMatrix<float>* learn,
                        PaddedMatrix<float>* test, std::vector<double>* test_targets) {
  Philox random(StreamKey{seed, RandomDomain::kTest});
  RegressionData data;
  data.outputs = 2;
  *learn = PaddedMatrix<float>(90, columns + 1);
  *test = PaddedMatrix<float>(200, columns + 1);
  for (PaddedMatrix<float>* x : {learn, test}) {
    std::vector<double>& y = x == learn ? data.learn_targets : *test_targets;
    for (int64_t i = 0; i < x->rows(); ++i) {
      for (int64_t c = 0; c < columns; ++c) (*x)(i, c) = random.NextGaussian();
      (*x)(i, columns) = 1;
      y.push_back((*x)(i, 0) + 0.5 * random.NextGaussian());
      y.push_back((*x)(i, 1) - (*x)(i, 0) + 0.5 * random.NextGaussian());
    }
  }
  data.learn = learn;
  data.train_rows = 60;
  data.test = test;
  return data;
}

TEST(RunRegressionTest, ChoosesTheFirstBestOfTheGridAndRefits) {
  PaddedMatrix<float> learn, test;
  std::vector<double> truth;
  const RegressionData data = MakeData(50, 1, &learn, &test, &truth);
  RegressionSettings settings;
  settings.grid = {1e-6, 1e-2, 1, 10, 1e5};
  for (RegressionLoss loss : {RegressionLoss::kAbsolute, RegressionLoss::kSquared}) {
    settings.loss = loss;
    int calls = 0;
    settings.go_on = [&](int) { return ++calls > 0; };
    ASSERT_OK_AND_ASSIGN(const RegressionOutcome outcome, FitRegressionGrid(data, settings));
    EXPECT_GE(calls, 5);
    ASSERT_EQ(outcome.grid.size(), 5);
    int best = 0;
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(outcome.grid[i].w, settings.grid[i]);
      EXPECT_TRUE(outcome.grid[i].fit.converged);
      if (outcome.grid[i].val > outcome.grid[best].val) best = i;
    }
    EXPECT_EQ(outcome.best, best);
    // Overfitting at the small end only.
    EXPECT_GT(outcome.grid[0].train, outcome.grid[3].train);
    EXPECT_GT(outcome.grid[best].val, outcome.grid[0].val);
    EXPECT_GT(SquaredCorrelation(outcome.test_predictions, truth), 0.5);
    // The predictions are those of the refit, which learns from the validation rows, too.
    PaddedMatrix<double> weights(2, 51);
    LinearRegression both(&learn, 90, data.learn_targets, 2, 1);
    if (loss == RegressionLoss::kSquared) {
      both.FitSquared(settings.grid[best], &weights);
      for (int64_t i = 0; i < weights.size(); ++i) {
        EXPECT_NEAR(outcome.weights.data()[i], weights.data()[i], 1e-9);
      }
    } else {
      const RegressionFit fit =
          both.FitAbsolute(settings.grid[best], settings.tolerance, nullptr, &weights);
      EXPECT_NEAR(outcome.refit.objective, fit.objective, 1e-9 * fit.objective);
    }
  }
}

TEST(RunRegressionTest, CanBeInterruptedWithinAFit) {
  PaddedMatrix<float> learn, test;
  std::vector<double> truth;
  const RegressionData data = MakeData(20, 2, &learn, &test, &truth);
  RegressionSettings settings;
  settings.grid = {1, 2};
  settings.go_on = [](int done) { return done > 0; };
  EXPECT_THAT(FitRegressionGrid(data, settings),
              StatusIs(absl::StatusCode::kCancelled, ::testing::HasSubstr("interrupted")));
}

}  // namespace
}  // namespace cassle
