// LeJEPA's objectives against closed forms and finite differences. Linked into objectives_test.
#include "cassle/ssl/objectives/sigreg_objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/objectives/objectives_testutil.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

const double kPi = std::acos(-1.0);

// The statistic of Epps and Pulley without quadrature: the integrals of cosines against Gaussians.
double EppsPulley(const at::Tensor& x) {
  const int64_t n = x.size(0);
  double pairs = 0, singles = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double xi = Value(x[i]);
    singles += std::exp(-xi * xi / 4);
    for (int64_t j = 0; j < n; ++j) {
      const double difference = xi - Value(x[j]);
      pairs += std::exp(-difference * difference / 2);
    }
  }
  const double count = static_cast<double>(n);
  return std::sqrt(2 * kPi) * pairs / count - 2 * std::sqrt(kPi) * singles +
         count * std::sqrt(2 * kPi / 3);
}

TEST(SigregTest, EqualsTheClosedFormOfTheStatisticWhereTheQuadratureIsFine) {
  const at::Tensor z = RandomMatrix(7, 3, 1);
  const at::Tensor directions = SketchDirections(4, 3, 2).to(at::kDouble);
  double sum = 0;
  for (int64_t m = 0; m < 4; ++m) sum += EppsPulley(z.mv(directions[m]));
  EXPECT_NEAR(Value(SigregLoss(z, directions, {.t_max = 9, .knots = 90})), sum / 4, 1e-10);
  // That of the paper, and that of the authors' code, cut the tails off.
  EXPECT_NEAR(Value(SigregLoss(z, directions)), sum / 4, 1e-4);
  EXPECT_NEAR(Value(SigregLoss(z, directions, {.t_max = 3, .knots = 17})), sum / 4, 0.05);
}

TEST(SigregTest, EqualsAlgorithm1OfThePaperWrittenOut) {
  const at::Tensor z = RandomMatrix(5, 2, 3);
  const at::Tensor directions = SketchDirections(3, 2, 4).to(at::kDouble);
  double total = 0;
  for (int64_t m = 0; m < 3; ++m) {
    const at::Tensor x = z.mv(directions[m]);
    double previous = 0, integral = 0;
    for (int k = 0; k < 17; ++k) {
      const double t = -5 + 10.0 * k / 16, gaussian = std::exp(-t * t / 2);
      const double real = Value((x * t).cos().mean()) - gaussian;
      const double imaginary = Value((x * t).sin().mean());
      const double value = (real * real + imaginary * imaginary) * gaussian;
      if (k > 0) integral += (previous + value) / 2 * (10.0 / 16);
      previous = value;
    }
    total += 5 * integral;
  }
  EXPECT_NEAR(Value(SigregLoss(z, directions)), total / 3, 1e-12);
}

TEST(SigregTest, ACollapseCostsInProportionToTheBatchAndGaussianRowsDoNot) {
  const at::Tensor directions = SketchDirections(16, 4, 5).to(at::kDouble);
  const double per_row = std::sqrt(2 * kPi) * (1 - std::sqrt(2.0) + 1 / std::sqrt(3.0));
  for (const int64_t rows : {10, 1000}) {
    // The quadrature of the paper leaves 1e-5 of it.
    EXPECT_NEAR(Value(SigregLoss(at::zeros({rows, 4}, at::kDouble), directions)) / rows, per_row,
                2e-5);
    double sum = 0;
    for (int seed = 0; seed < 200; ++seed) {
      sum += Value(SigregLoss(RandomMatrix(rows, 4, 100 + seed), directions));
    }
    // The expectation; values vary by about 0.5, their mean by 0.04.
    EXPECT_NEAR(sum / 200, std::sqrt(2 * kPi) - std::sqrt(2 * kPi / 3), 0.15);
  }
}

TEST(SigregTest, DirectionsHaveUnitLengthAndDependOnTheStepAlone) {
  const at::Tensor directions = SketchDirections(8, 5, 3);
  EXPECT_LT(LargestDifference(directions.norm(2, {1}), at::ones({8})), 1e-6);
  EXPECT_EQ(LargestDifference(SketchDirections(20, 5, 3).narrow(0, 0, 8), directions), 0);
  EXPECT_GT(LargestDifference(SketchDirections(8, 5, 4), directions), 0.1);
}

TEST(SigregTest, GradientEqualsFiniteDifferences) {
  const at::Tensor z = RandomMatrix(4, 3, 8);
  const at::Tensor directions = SketchDirections(5, 3, 9).to(at::kDouble);
  ExpectGradientIsRight(z, [&] { return SigregLoss(z, directions); });
}

TEST(ViewPredictionLossTest, IsTheDistanceOfAllViewsFromTheMeanOfTheGlobalOnes) {
  const at::Tensor a = at::tensor({1.0, 2.0}).view({1, 2}), b = at::tensor({3.0, 6.0}).view({1, 2});
  const at::Tensor c = at::tensor({0.0, 5.0}).view({1, 2});
  // The mean of a and b is (2, 4); distances 1, 2; 1, 2; 2, 1.
  EXPECT_NEAR(Value(ViewPredictionLoss({a, b}, 2)), (1 + 4 + 1 + 4) / 4.0, 1e-12);
  EXPECT_NEAR(Value(ViewPredictionLoss({a, b, c}, 2)), (1 + 4 + 1 + 4 + 4 + 1) / 6.0, 1e-12);
  EXPECT_EQ(Value(ViewPredictionLoss({a, a, a}, 2)), 0);
}

TEST(ViewPredictionLossTest, GradientEqualsFiniteDifferences) {
  const at::Tensor a = RandomMatrix(3, 2, 10), b = RandomMatrix(3, 2, 11);
  const at::Tensor c = RandomMatrix(3, 2, 12);
  for (const at::Tensor& view : {a, c}) {
    ExpectGradientIsRight(view, [&] { return ViewPredictionLoss({a, b, c}, 2); });
  }
}

TEST(SigregTest, RefusesShapesThatDisagree) {
  const at::Tensor z = at::ones({4, 3});
  EXPECT_THROW(SigregLoss(z, at::ones({5, 2})), c10::Error);
  EXPECT_THROW(ViewPredictionLoss({z, at::ones({4, 2})}, 1), c10::Error);
  EXPECT_THROW(ViewPredictionLoss({z}, 2), c10::Error);
}

}  // namespace
}  // namespace cassle
