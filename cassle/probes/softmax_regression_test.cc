#include "cassle/probes/softmax_regression.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <new>
#include <vector>

#include "cassle/base/philox.h"
#include "cassle/probes/cholesky.h"
#include "cassle/probes/lbfgs_fit.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace cassle {
namespace {

template <class T>
PaddedMatrix<T> Random(int64_t rows, int64_t columns, uint64_t seed) {
  Philox random(StreamKey{seed, RandomDomain::kTest});
  PaddedMatrix<T> m(rows, columns);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) m(i, j) = random.NextGaussian();
  }
  return m;
}

// Gaussian features with a bias column and labels that depend on them.
struct Toy {
  Toy(int64_t rows, int64_t columns, int classes, uint64_t seed)
      : x(Random<float>(rows, columns + 1, seed)), labels(rows) {
    const PaddedMatrix<float> teacher = Random<float>(classes, columns, seed + 1);
    Philox noise(StreamKey{seed, RandomDomain::kTest, 1});
    for (int64_t i = 0; i < rows; ++i) {
      double best = -1e9;
      for (int c = 0; c < classes; ++c) {
        double score = 2 * noise.NextGaussian();
        for (int64_t j = 0; j < columns; ++j) score += x(i, j) * teacher(c, j);
        if (score > best) {
          best = score;
          labels[i] = c;
        }
      }
      x(i, columns) = 1;
    }
  }
  PaddedMatrix<float> x;
  std::vector<int> labels;
};

// Every remainder of the tiles. Sums of 70 or fewer products of normal numbers, in float: rounding
// stays under 1e-5.
void ExpectProductsEqualTheDefinition() {
  for (int64_t rows : {1, 2, 3, 4, 7}) {
    for (int64_t classes : {1, 2, 3, 4, 5, 6, 11}) {
      for (int64_t columns : {1, 16, 47, 70}) {
        const PaddedMatrix<float> x = Random<float>(rows, columns, 1);
        const PaddedMatrix<float> w = Random<float>(classes, columns, 2);
        const PaddedMatrix<float> left = Random<float>(rows, classes, 3);
        PaddedMatrix<double> w64(classes, columns), left64(rows, classes);
        for (int64_t i = 0; i < w.size(); ++i) w64.data()[i] = w.data()[i];
        for (int64_t i = 0; i < left.size(); ++i) left64.data()[i] = left.data()[i];
        std::vector<float> product(rows * classes);
        std::vector<double> product64(rows * classes);
        MultiplyTransposed(x.data(), x.stride(), rows, w.data(), w.stride(), classes, x.stride(),
                           product.data(), classes);
        MultiplyTransposed(x.data(), x.stride(), rows, w64.data(), w64.stride(), classes,
                           x.stride(), product64.data(), classes);
        PaddedMatrix<float> sums = Random<float>(classes, columns, 4);
        PaddedMatrix<double> sums64(classes, columns);
        for (int64_t i = 0; i < sums.size(); ++i) sums64.data()[i] = sums.data()[i];
        const PaddedMatrix<float> before = Random<float>(classes, columns, 4);
        AccumulateTransposed(left.data(), left.stride(), x.data(), x.stride(), rows, classes,
                             x.stride(), sums.data(), sums.stride());
        AccumulateTransposed(left64.data(), left64.stride(), x.data(), x.stride(), rows, classes,
                             x.stride(), sums64.data(), sums64.stride());
        for (int64_t c = 0; c < classes; ++c) {
          for (int64_t r = 0; r < rows; ++r) {
            double expected = 0;
            for (int64_t k = 0; k < columns; ++k) expected += double{x(r, k)} * w(c, k);
            EXPECT_NEAR(product[r * classes + c], expected, 1e-5);
            EXPECT_NEAR(product64[r * classes + c], expected, 1e-12);
          }
          for (int64_t k = 0; k < columns; ++k) {
            double expected = before(c, k);
            for (int64_t r = 0; r < rows; ++r) expected += double{left(r, c)} * x(r, k);
            EXPECT_NEAR(sums(c, k), expected, 1e-5);
            EXPECT_NEAR(sums64(c, k), expected, 1e-12);
          }
        }
      }
    }
  }
}

TEST(ThinProductsTest, EqualTheDefinitionOnEveryVectorUnitOfThisProcessor) {
  const int64_t supported = hwy::SupportedTargets();
  for (int64_t left = supported; left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    ExpectProductsEqualTheDefinition();
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(CholeskyTest, SolvesWhatItFactored) {
  constexpr int64_t kRows = 6;
  for (int64_t n : {16, 48, 272}) {
    const PaddedMatrix<float> root = Random<float>(n + 5, n, 5);
    PaddedMatrix<double> a(n, n);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t k = 0; k < n + 5; ++k) a(i, j) += double{root(k, i)} * root(k, j);
      }
      a(i, i) += 1;
    }
    const PaddedMatrix<double> solution = Random<double>(kRows, n, 6);
    PaddedMatrix<double> right(kRows, n);
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < n; ++j) right(r, i) += a(i, j) * solution(r, j);
      }
    }
    Cholesky cholesky;
    ASSERT_TRUE(cholesky.Factor(std::move(a), 2));
    cholesky.SolveRows(2, &right);
    // The condition number is about 4 n.
    for (int64_t i = 0; i < right.size(); ++i) {
      EXPECT_NEAR(right.data()[i], solution.data()[i], 1e-9);
    }
  }
}

TEST(CholeskyTest, RefusesAnIndefiniteMatrix) {
  PaddedMatrix<double> a(16, 16);
  for (int64_t i = 0; i < 16; ++i) a(i, i) = i == 7 ? -1e-3 : 1;
  EXPECT_FALSE(Cholesky().Factor(std::move(a), 1));
}

TEST(SoftmaxRegressionTest, ObjectiveOfZeroIsRowsTimesLogClasses) {
  Toy toy(50, 5, 7, 1);
  SoftmaxRegression regression(&toy.x, 50, toy.labels, 7, 1);
  EXPECT_NEAR(regression.Objective(3, regression.Zeros(), nullptr), 50 * std::log(7.0), 1e-10);
}

TEST(SoftmaxRegressionTest, GradientEqualsCentralDifferences) {
  Toy toy(40, 4, 3, 2);
  SoftmaxRegression regression(&toy.x, 40, toy.labels, 3, 2);
  PaddedMatrix<double> weights = Random<double>(3, 5, 9);
  PaddedMatrix<double> gradient = regression.Zeros();
  regression.Objective(0.7, weights, &gradient);
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t k = 0; k < 5; ++k) {
      const double at = weights(c, k), h = 1e-5;
      weights(c, k) = at + h;
      const double above = regression.Objective(0.7, weights, nullptr);
      weights(c, k) = at - h;
      const double below = regression.Objective(0.7, weights, nullptr);
      weights(c, k) = at;
      // Third derivatives times h^2 and rounding over h: both about 1e-9.
      EXPECT_NEAR(gradient(c, k), (above - below) / (2 * h), 1e-7);
    }
  }
}

// x = -1 is class 0, x = +1 is class 1. By symmetry the weights are -a, a, the biases 0, and
// w a = 1 / (1 + e^(2a)).
TEST(SoftmaxRegressionTest, SeparableOneDimensionalOptimumIsThatOfBisection) {
  for (double w : {1e-6, 1e-3, 0.1, 1.0, 100.0}) {
    double low = 0, high = 100;
    for (int i = 0; i < 200; ++i) {
      const double a = (low + high) / 2;
      (w * a < 1 / (1 + std::exp(2 * a)) ? low : high) = a;
    }
    PaddedMatrix<float> x(2, 2);
    x(0, 0) = -1;
    x(1, 0) = x(0, 1) = x(1, 1) = 1;
    SoftmaxRegression regression(&x, 2, {0, 1}, 2, 1);
    PaddedMatrix<double> weights = regression.Zeros();
    const FitReport report = regression.Fit(w, 1e-14, &weights);
    EXPECT_TRUE(report.converged) << w;
    EXPECT_NEAR(weights(0, 0), -low, 1e-6 * low) << w;
    EXPECT_NEAR(weights(1, 0), low, 1e-6 * low) << w;
    EXPECT_NEAR(weights(1, 1), 0, 1e-6) << w;
    EXPECT_NEAR(report.objective, 2 * std::log1p(std::exp(-2 * low)) + 2 * w * low * low,
                1e-10 * report.objective);
  }
}

// Strong convexity: f - f* <= |gradient|^2 / (4 w), so a gradient of nearly nothing is a proof.
TEST(SoftmaxRegressionTest, FitEndsWhereTheGradientVanishes) {
  Toy toy(300, 20, 6, 3);
  for (double w : {1e-6, 1e-2, 1.0, 1e3}) {
    SoftmaxRegression regression(&toy.x, 300, toy.labels, 6, 1);
    PaddedMatrix<double> weights = regression.Zeros();
    const FitReport report = regression.Fit(w, 1e-12, &weights);
    EXPECT_TRUE(report.converged) << w;
    PaddedMatrix<double> gradient = regression.Zeros();
    const double objective = regression.Objective(w, weights, &gradient);
    EXPECT_NEAR(objective, report.objective, 1e-9 * objective);
    double square = 0;
    for (int64_t i = 0; i < gradient.size(); ++i) square += gradient.data()[i] * gradient.data()[i];
    EXPECT_LE(square / (4 * w), 1e-4 * objective) << w;
  }
}

TEST(SoftmaxRegressionTest, EveryStartEndsAtTheSameOptimum) {
  Toy toy(200, 8, 4, 4);
  SoftmaxRegression regression(&toy.x, 200, toy.labels, 4, 1);
  PaddedMatrix<double> from_zero = regression.Zeros();
  PaddedMatrix<double> from_afar = Random<double>(4, 9, 11);
  for (int64_t i = 0; i < from_afar.size(); ++i) from_afar.data()[i] *= 20;
  regression.Fit(0.1, 1e-14, &from_zero);
  regression.Fit(0.1, 1e-14, &from_afar);
  for (int64_t i = 0; i < from_zero.size(); ++i) {
    EXPECT_NEAR(from_zero.data()[i], from_afar.data()[i], 1e-5);
  }
}

// d/db of the loss at the optimum of an unpenalised bias: the classes are predicted as often as
// they occur, whatever w is.
TEST(SoftmaxRegressionTest, AFreeBiasPredictsClassesAsOftenAsTheyOccur) {
  const Toy toy(200, 5, 3, 7);
  SoftmaxRegression problem(&toy.x, 200, toy.labels, 3, 1, /*regularize_bias=*/false);
  PaddedMatrix<double> weights = problem.Zeros();
  const FitReport fit = problem.Fit(50, 1e-13, &weights);
  EXPECT_TRUE(fit.converged);
  double of_biases = 0;
  for (int c = 0; c < 3; ++c) {
    double expected = 0;
    int64_t rows = 0;
    for (int64_t i = 0; i < 200; ++i) {
      double z[3], sum = 0;
      for (int k = 0; k < 3; ++k) {
        z[k] = 0;
        for (int64_t j = 0; j < 6; ++j) z[k] += toy.x(i, j) * weights(k, j);
        sum += std::exp(z[k]);
      }
      expected += std::exp(z[c]) / sum;
      rows += toy.labels[i] == c;
    }
    EXPECT_NEAR(expected, rows, 1e-3);
    of_biases += weights(c, 5);
  }
  EXPECT_NEAR(of_biases, 0, 1e-6);
  // The penalised bias of the same problem is pulled towards 0.
  SoftmaxRegression pulled(&toy.x, 200, toy.labels, 3, 1);
  PaddedMatrix<double> smaller = pulled.Zeros();
  pulled.Fit(50, 1e-13, &smaller);
  EXPECT_LT(std::abs(smaller(0, 5)), std::abs(weights(0, 5)));
}

// At the end of the default grid the penalty must not pass for the bias's curvature.
TEST(SoftmaxRegressionTest, AFreeBiasIsFoundWhateverThePenalty) {
  constexpr int kRows = 100, kOfFirst = 70;
  PaddedMatrix<float> x(kRows, 3);
  std::vector<int> labels;
  for (int i = 0; i < kRows; ++i) {
    x(i, 2) = 1;
    labels.push_back(i < kOfFirst ? 0 : 1);
  }
  const double optimum = -70 * std::log(0.7) - 30 * std::log(0.3);
  for (const double w : {1e-6, 1.0, 1e5}) {
    for (const bool lbfgs : {false, true}) {
      SoftmaxRegression problem(&x, kRows, labels, 2, 1, /*regularize_bias=*/false);
      PaddedMatrix<double> weights = problem.Zeros();
      const FitReport fit =
          lbfgs ? FitByLbfgs(w, 1e-7, &problem, &weights) : problem.Fit(w, 1e-7, &weights);
      EXPECT_TRUE(fit.converged) << w;
      EXPECT_LT(fit.objective, optimum * (1 + 1e-6)) << w << (lbfgs ? ", L-BFGS" : "");
    }
  }
}

// Exit code of a child for whom the system has no memory for L-BFGS's history, 169 MB here.
[[noreturn]] void FitByLbfgsWithLittleMemory() {
  Toy toy(8, 511, 200, 8);
  SoftmaxRegression problem(&toy.x, 8, toy.labels, 200, 1);
  PaddedMatrix<double> weights = problem.Zeros();
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t little = static_cast<rlim_t>(pages) * sysconf(_SC_PAGESIZE) + (64 << 20);
  const rlimit limit = {little, little};
  setrlimit(RLIMIT_AS, &limit);
  try {
    FitByLbfgs(1, 1e-3, &problem, &weights);
  } catch (const std::bad_alloc&) {
    _exit(7);
  }
  _exit(1);
}

TEST(SoftmaxRegressionTest, LbfgsWithoutMemoryForItsHistoryIsNoFit) {
  EXPECT_EXIT(FitByLbfgsWithLittleMemory(), ::testing::ExitedWithCode(7), "");
}

TEST(SoftmaxRegressionTest, ThreadsChangeNoBit) {
  Toy toy(1000, 40, 5, 5);
  PaddedMatrix<double> weights[2];
  for (int i = 0; i < 2; ++i) {
    SoftmaxRegression regression(&toy.x, 1000, toy.labels, 5, i == 0 ? 1 : 3);
    weights[i] = regression.Zeros();
    regression.Fit(0.01, 1e-10, &weights[i]);
  }
  for (int64_t i = 0; i < weights[0].size(); ++i) {
    EXPECT_EQ(weights[0].data()[i], weights[1].data()[i]);
  }
}

// Features of any scale, columns that are always zero, and one that repeats another.
TEST(SoftmaxRegressionTest, DegenerateFeaturesConverge) {
  for (double scale : {1e-4, 1.0, 1e4}) {
    Toy toy(150, 12, 3, 6);
    for (int64_t i = 0; i < 150; ++i) {
      for (int64_t j = 0; j < 10; ++j) toy.x(i, j) *= scale;
      toy.x(i, 10) = 0;
      toy.x(i, 11) = toy.x(i, 0);
    }
    for (double w : {1e-6, 1e5}) {
      SoftmaxRegression regression(&toy.x, 150, toy.labels, 3, 1);
      PaddedMatrix<double> weights = regression.Zeros();
      EXPECT_TRUE(regression.Fit(w, 1e-8, &weights).converged) << scale << " " << w;
      EXPECT_EQ(weights(0, 10), 0);
    }
  }
}

}  // namespace
}  // namespace cassle
