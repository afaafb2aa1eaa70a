#include "cassle/eval/ridge.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cassle/base/philox.h"

namespace cassle {
namespace {

at::Tensor Random(int64_t rows, int64_t columns, uint64_t stream) {
  const at::Tensor values = at::zeros({rows, columns}, at::kDouble);
  Philox random(StreamKey{1, RandomDomain::kTest, stream, 0, 0});
  for (int64_t i = 0; i < values.numel(); ++i) values.data_ptr<double>()[i] = random.NextGaussian();
  return values;
}

TEST(RidgeTest, ReadsALinearMapWithOffsetFromFeaturesOfAnyScale) {
  const at::Tensor x = Random(200, 7, 1) * 30 + 5;
  const at::Tensor y = x.mm(Random(7, 3, 2)) + 11;
  RidgeRegression regression(x, y);
  regression.Fit(1e-10);
  EXPECT_LT((regression.Predict(x) - y).abs().max().item().toDouble(), 1e-5);
  for (double r2 : CoefficientsOfDetermination(regression.Predict(x), y)) EXPECT_NEAR(r2, 1, 1e-9);
}

TEST(RidgeTest, EqualsTheNormalEquations) {
  const at::Tensor x = Random(50, 20, 3), y = Random(50, 2, 4);
  RidgeRegression regression(x, y);
  regression.Fit(0.3);
  const at::Tensor z = (x - x.mean(0)) / (x - x.mean(0)).square().mean(0).sqrt();
  const at::Tensor weights = at::linalg_solve(z.t().mm(z) / 50 + at::eye(20, at::kDouble) * 0.3,
                                              z.t().mm(y - y.mean(0)) / 50);
  const at::Tensor expected = z.mm(weights) + y.mean(0);
  EXPECT_LT((regression.Predict(x) - expected).abs().max().item().toDouble(), 1e-10);
}

TEST(RidgeTest, AnInfiniteRegulariserPredictsTheMeanAndAConstantColumnCountsNothing) {
  const at::Tensor x = at::cat({Random(50, 4, 5), at::ones({50, 1}, at::kDouble) * 7}, 1);
  const at::Tensor y = Random(50, 1, 6);
  RidgeRegression regression(x, y);
  regression.Fit(1e12);
  EXPECT_LT((regression.Predict(x) - y.mean(0)).abs().max().item().toDouble(), 1e-9);
  EXPECT_NEAR(CoefficientsOfDetermination(regression.Predict(x), y)[0], 0, 1e-9);
  EXPECT_TRUE(std::isnan(CoefficientsOfDetermination(y, at::ones({50, 1}, at::kDouble))[0]));
}

}  // namespace
}  // namespace cassle
