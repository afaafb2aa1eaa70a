// NNCLR's objective against closed forms and finite differences. Linked into objectives_test.
#include "cassle/ssl/objectives/neighbor_objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/ssl/objectives/objectives_testutil.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(NearestRowsTest, TakesTheRowOfTheLargestCosineWhateverTheLengthOfTheProjection) {
  const at::Tensor support = at::tensor({1.0, 0.0, 0.0, 1.0, -0.6, -0.8}).view({3, 2});
  const at::Tensor z = at::tensor({0.1, 0.09, -5.0, -4.0, -3.0, 10.0}).view({3, 2});
  const at::Tensor expected = at::tensor({1.0, 0.0, -0.6, -0.8, 0.0, 1.0}).view({3, 2});
  EXPECT_EQ(LargestDifference(NearestRows(z, support), expected), 0);
  EXPECT_EQ(LargestDifference(NearestRows(z * 100, support), expected), 0);
}

TEST(NearestRowsTest, ARowOfTheSupportSetIsItsOwnNeighbourAndNoGradientPasses) {
  const at::Tensor support = NormalizeRows(RandomMatrix(7, 4, 1));
  at::Tensor z = (support * 3).narrow(0, 2, 3).clone().requires_grad_();
  const at::Tensor nearest = NearestRows(z, support);
  EXPECT_EQ(LargestDifference(nearest, support.narrow(0, 2, 3)), 0);
  EXPECT_FALSE(nearest.requires_grad());
}

TEST(NnclrLossTest, EqualsEquation3WrittenOut) {
  const at::Tensor n1 = RandomMatrix(4, 3, 2), n2 = RandomMatrix(4, 3, 3);
  const at::Tensor p1 = RandomMatrix(4, 3, 4), p2 = RandomMatrix(4, 3, 5);
  const auto cosine = [](const at::Tensor& a, const at::Tensor& b) {
    return Value(a.dot(b) / (a.norm() * b.norm()));
  };
  double sum = 0;
  for (int64_t i = 0; i < 4; ++i) {
    double below1 = 0, below2 = 0;
    for (int64_t k = 0; k < 4; ++k) {
      below1 += std::exp(cosine(n1[i], p2[k]) / 0.1);
      below2 += std::exp(cosine(n2[i], p1[k]) / 0.1);
    }
    sum -= std::log(std::exp(cosine(n1[i], p2[i]) / 0.1) / below1);
    sum -= std::log(std::exp(cosine(n2[i], p1[i]) / 0.1) / below2);
  }
  EXPECT_NEAR(Value(NnclrLoss(n1, n2, p1, p2, 0.1)), sum / 8, 1e-12);
}

TEST(NnclrLossTest, IsTheLogOfTheBatchWhenAllRowsCoincideAndNothingWhenTheyAreFarApart) {
  const at::Tensor same = at::ones({8, 5}, at::kDouble);
  EXPECT_NEAR(Value(NnclrLoss(same, same, same, same, 0.1)), std::log(8.0), 1e-12);
  const at::Tensor apart = at::eye(6, at::kDouble);
  // log(1 + 5 e^{-1/T}) with T = 0.02.
  EXPECT_NEAR(Value(NnclrLoss(apart, apart, apart, apart, 0.02)), 5 * std::exp(-50.0), 1e-15);
}

TEST(NnclrLossTest, GradientEqualsFiniteDifferencesAndReachesThePredictionsOnly) {
  const at::Tensor n1 = RandomMatrix(4, 3, 6), n2 = RandomMatrix(4, 3, 7);
  const at::Tensor p1 = RandomMatrix(4, 3, 8), p2 = RandomMatrix(4, 3, 9);
  for (const at::Tensor& p : {p1, p2}) {
    ExpectGradientIsRight(p, [&] { return NnclrLoss(n1, n2, p1, p2, 0.2); });
  }
  at::Tensor neighbours = n1.clone().requires_grad_();
  at::Tensor predictions = p1.clone().requires_grad_();
  NnclrLoss(neighbours, n2, predictions, p2, 0.2).backward();
  EXPECT_FALSE(neighbours.grad().defined());
  EXPECT_TRUE(predictions.grad().defined());
}

TEST(NnclrLossTest, RefusesShapesThatDisagree) {
  const at::Tensor a = at::ones({4, 3}), b = at::ones({5, 3});
  EXPECT_THROW(NnclrLoss(a, a, a, b, 0.1), c10::Error);
  EXPECT_THROW(NearestRows(a, at::ones({6, 2})), c10::Error);
}

}  // namespace
}  // namespace cassle
