#include "cassle/probes/linear_regression.h"

#include <cmath>
#include <vector>

#include "cassle/base/philox.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

struct Problem {
  PaddedMatrix<float> x;
  std::vector<double> y;
  int64_t outputs;
};

// Gaussian features and the constant 1; targets linear in them plus noise with heavy tails.
Problem MakeProblem(int64_t rows, int64_t columns, int64_t outputs, uint64_t seed) {
  Philox random(StreamKey{seed, RandomDomain::kTest});
  Problem problem{PaddedMatrix<float>(rows, columns + 1), {}, outputs};
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < columns; ++c) problem.x(i, c) = random.NextGaussian();
    problem.x(i, columns) = 1;
    for (int64_t j = 0; j < outputs; ++j) {
      const double noise = random.NextGaussian() * random.NextGaussian();
      problem.y.push_back(3.0 * j + problem.x(i, j % columns) + 0.2 * noise * noise * noise);
    }
  }
  return problem;
}

double Objective(const Problem& problem, double w, const PaddedMatrix<double>& weights) {
  double sum = 0;
  for (int64_t i = 0; i < problem.x.rows(); ++i) {
    for (int64_t j = 0; j < problem.outputs; ++j) {
      double error = problem.y[i * problem.outputs + j];
      for (int64_t c = 0; c < problem.x.columns(); ++c) error -= problem.x(i, c) * weights(j, c);
      sum += std::abs(error);
    }
  }
  for (int64_t i = 0; i < weights.size(); ++i) sum += w * weights.data()[i] * weights.data()[i];
  return sum;
}

TEST(LinearRegressionTest, TheMedianIsTheOptimumOfAConstant) {
  PaddedMatrix<float> ones(5, 1);
  for (int64_t i = 0; i < 5; ++i) ones(i, 0) = 1;
  PaddedMatrix<double> weights(2, 1);
  LinearRegression problem(&ones, 5, {1, -7, 2, -8, 3, -9, 4, -10, 1000, -11}, 2, 1);
  EXPECT_TRUE(problem.FitAbsolute(1e-9, 1e-9, nullptr, &weights).converged);
  EXPECT_NEAR(weights(0, 0), 3, 1e-4);
  EXPECT_NEAR(weights(1, 0), -9, 1e-4);
  // All errors of one sign: their number over 2 w.
  problem.FitAbsolute(10, 1e-9, nullptr, &weights);
  EXPECT_NEAR(weights(0, 0), 5.0 / 20, 1e-4);
  EXPECT_NEAR(weights(1, 0), -5.0 / 20, 1e-4);
}

TEST(LinearRegressionTest, AbsoluteErrorsReachTheOptimumAtEveryW) {
  const Problem problem = MakeProblem(1500, 20, 3, 1);
  LinearRegression regression(&problem.x, 1500, problem.y, 3, 2);
  Philox random(StreamKey{9, RandomDomain::kTest});
  double target_sum = 0;
  for (double y : problem.y) target_sum += std::abs(y);
  for (double w : {1e4, 30.0, 1.0, 1e-2, 1e-6}) {
    PaddedMatrix<double> weights(3, 21);
    const RegressionFit fit = regression.FitAbsolute(w, 1e-5, nullptr, &weights);
    EXPECT_TRUE(fit.converged) << w;
    const double at_optimum = Objective(problem, w, weights);
    EXPECT_NEAR(fit.objective, at_optimum, 1e-8 * at_optimum);
    // f is convex: a lower value anywhere would show as one nearby.
    for (int trial = 0; trial < 20; ++trial) {
      for (double length : {1e-1, 1e-3}) {
        PaddedMatrix<double> moved(3, 21);
        for (int64_t j = 0; j < 3; ++j) {
          for (int64_t c = 0; c < 21; ++c) {
            moved(j, c) = weights(j, c) + length * random.NextGaussian();
          }
        }
        EXPECT_GE(Objective(problem, w, moved), at_optimum - 1e-5 * target_sum) << w;
      }
    }
  }
}

TEST(LinearRegressionTest, TheStartDoesNotMatter) {
  const Problem problem = MakeProblem(300, 8, 2, 2);
  LinearRegression warm(&problem.x, 300, problem.y, 2, 1), cold(&problem.x, 300, problem.y, 2, 1);
  PaddedMatrix<double> a(2, 9), b(2, 9);
  for (double w : {1e5, 1e3, 10.0, 0.1}) warm.FitAbsolute(w, 1e-6, nullptr, &a);
  EXPECT_TRUE(cold.FitAbsolute(0.1, 1e-6, nullptr, &b).converged);
  EXPECT_NEAR(Objective(problem, 0.1, a), Objective(problem, 0.1, b), 2e-3);
  for (int64_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a.data()[i], b.data()[i], 1e-2);
}

TEST(LinearRegressionTest, OutliersMoveSquaredErrorsOnly) {
  Problem problem = MakeProblem(200, 3, 1, 3);
  for (int64_t i = 0; i < 200; ++i) problem.y[i] = 2 * problem.x(i, 1) + 5;
  for (int64_t i = 0; i < 10; ++i) problem.y[i] = 1e4;
  LinearRegression regression(&problem.x, 200, problem.y, 1, 1);
  PaddedMatrix<double> weights(1, 4);
  ASSERT_TRUE(regression.FitAbsolute(1e-5, 1e-10, nullptr, &weights).converged);
  EXPECT_NEAR(weights(0, 1), 2, 1e-3);
  EXPECT_NEAR(weights(0, 3), 5, 1e-3);
  regression.FitSquared(1e-5, &weights);
  EXPECT_GT(weights(0, 3), 100);
}

TEST(LinearRegressionTest, SquaredErrorsHaveNoGradient) {
  const Problem problem = MakeProblem(2500, 17, 4, 4);
  LinearRegression regression(&problem.x, 2500, problem.y, 4, 2);
  PaddedMatrix<double> weights(4, 18);
  const double w = 3.5;
  EXPECT_TRUE(regression.FitSquared(w, &weights).converged);
  for (int64_t j = 0; j < 4; ++j) {
    for (int64_t c = 0; c < 18; ++c) {
      double gradient = 2 * w * weights(j, c);
      for (int64_t i = 0; i < 2500; ++i) {
        double error = -problem.y[i * 4 + j];
        for (int64_t k = 0; k < 18; ++k) error += problem.x(i, k) * weights(j, k);
        gradient += 2 * error * problem.x(i, c);
      }
      EXPECT_NEAR(gradient, 0, 1e-6);
    }
  }
}

TEST(LinearRegressionTest, FewerRowsThanColumnsAndConstantColumns) {
  Problem problem = MakeProblem(12, 40, 2, 5);
  for (int64_t i = 0; i < 12; ++i) problem.x(i, 7) = 0;
  LinearRegression regression(&problem.x, 12, problem.y, 2, 1);
  PaddedMatrix<double> weights(2, 41);
  for (double w : {1.0, 1e-6}) {
    EXPECT_TRUE(regression.FitAbsolute(w, 1e-6, nullptr, &weights).converged);
    EXPECT_NEAR(weights(0, 7), 0, 1e-12);
  }
  // It fits all twelve.
  EXPECT_LT(Objective(problem, 0, weights), 1e-2);
}

TEST(LinearRegressionTest, ThreadsChangeNoBit) {
  const Problem problem = MakeProblem(3000, 10, 3, 6);
  std::vector<std::vector<double>> results;
  for (int threads : {1, 2, 5}) {
    LinearRegression regression(&problem.x, 3000, problem.y, 3, threads);
    PaddedMatrix<double> weights(3, 11);
    regression.FitAbsolute(0.1, 1e-5, nullptr, &weights);
    results.emplace_back(weights.data(), weights.data() + weights.size());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(LinearRegressionTest, StopsWhenTold) {
  const Problem problem = MakeProblem(300, 8, 2, 7);
  LinearRegression regression(&problem.x, 300, problem.y, 2, 1);
  PaddedMatrix<double> weights(2, 9);
  const RegressionFit fit = regression.FitAbsolute(
      1e-6, 1e-15, [] { return false; }, &weights);
  EXPECT_FALSE(fit.converged);
  EXPECT_LE(fit.steps, 10);
}

}  // namespace
}  // namespace cassle
