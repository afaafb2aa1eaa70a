// SwAV's and DINO's objectives against closed forms. Linked into objectives_test.
#include "cassle/ssl/objectives/clustering_objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <vector>

#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/objectives/objectives_testutil.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(SinkhornTest, EqualsTheAlgorithmOfThePaperStepByStep) {
  const at::Tensor scores = RandomMatrix(5, 3, 1) / 4;
  // Algorithm 1 of the paper, with plain exponentials.
  at::Tensor q = (scores / 0.05).exp().t();  // [K, B]
  q = q / q.sum();
  for (int i = 0; i < 3; ++i) {
    q = q / q.sum({1}, /*keepdim=*/true) / 3;
    q = q / q.sum({0}, /*keepdim=*/true) / 5;
  }
  EXPECT_LT(LargestDifference(SinkhornAssignments(scores, 0.05, 3), (q * 5).t()), 1e-12);
}

TEST(SinkhornTest, RowsSumToOneAndColumnsToEqualSharesInTheLimit) {
  const at::Tensor scores = RandomMatrix(8, 4, 2);
  for (const int iterations : {1, 3, 500}) {
    const at::Tensor assignments = SinkhornAssignments(scores, 0.5, iterations);
    EXPECT_LT(LargestDifference(assignments.sum(1), at::full({8}, 1.0, at::kDouble)), 1e-12);
    const double distance = LargestDifference(assignments.sum(0), at::full({4}, 2.0, at::kDouble));
    if (iterations == 500) {
      EXPECT_LT(distance, 1e-9);
    } else {
      EXPECT_GT(distance, 1e-6);
    }
  }
}

TEST(SinkhornTest, EqualScoresGiveEqualShares) {
  const at::Tensor assignments = SinkhornAssignments(at::full({4, 5}, 0.3, at::kFloat), 0.05, 3);
  EXPECT_LT(LargestDifference(assignments, at::full({4, 5}, 0.2, at::kFloat)), 1e-6);
}

TEST(SinkhornTest, AddingToARowOrAColumnChangesNothing) {
  const at::Tensor scores = RandomMatrix(4, 5, 3);
  const at::Tensor moved = scores + RandomMatrix(4, 1, 4) + RandomMatrix(1, 5, 5);
  EXPECT_LT(LargestDifference(SinkhornAssignments(moved, 0.3, 200),
                              SinkhornAssignments(scores, 0.3, 200)),
            1e-9);
}

TEST(SinkhornTest, IsFiniteWhereExponentialsOverflowAndVanish) {
  const at::Tensor scores = (RandomMatrix(6, 4, 6) * 10).to(at::kFloat);
  const at::Tensor assignments = SinkhornAssignments(scores, 1e-3, 3);
  EXPECT_TRUE(std::isfinite(Value(assignments.sum())));
  EXPECT_LT(LargestDifference(assignments.sum(1), at::full({6}, 1.0, at::kFloat)), 1e-5);
}

TEST(SinkhornTest, SendsNoGradient) {
  at::Tensor scores = RandomMatrix(4, 3, 7).requires_grad_();
  EXPECT_FALSE(SinkhornAssignments(scores, 0.1, 3).requires_grad());
}

TEST(SinkhornTest, RefusesWhatMakesNoSense) {
  EXPECT_THROW(SinkhornAssignments(RandomMatrix(4, 3, 8), 0, 3), c10::Error);
  EXPECT_THROW(SinkhornAssignments(RandomMatrix(4, 3, 8), 0.1, 0), c10::Error);
}

TEST(CrossViewLossTest, IsTheLogarithmOfTheClassesWhenAllLogitsAreEqual) {
  const at::Tensor targets = RandomMatrix(3, 6, 1).softmax(1);
  const at::Tensor logits = at::zeros({3, 6}, at::kDouble);
  EXPECT_NEAR(Value(CrossViewLoss({targets}, {logits, logits})), std::log(6.0), 1e-12);
  EXPECT_NEAR(Value(CrossViewLoss({targets, targets}, {logits, logits, logits})), std::log(6.0),
              1e-12);
}

TEST(CrossViewLossTest, IsTheMeanOverAllPairsOfDifferentViews) {
  std::vector<at::Tensor> targets, logits;
  for (int view = 0; view < 4; ++view) {
    logits.push_back(RandomMatrix(3, 5, 10 + view));
    if (view < 2) targets.push_back(RandomMatrix(3, 5, 20 + view).softmax(1));
  }
  double sum = 0;
  for (int target = 0; target < 2; ++target) {
    for (int view = 0; view < 4; ++view) {
      if (view == target) continue;
      sum -= Value((targets[target] * at::log_softmax(logits[view], 1)).sum()) / 3;
    }
  }
  EXPECT_NEAR(Value(CrossViewLoss(targets, logits)), sum / 6, 1e-12);
  // Swapping the two assigned views together changes nothing.
  EXPECT_NEAR(
      Value(CrossViewLoss({targets[1], targets[0]}, {logits[1], logits[0], logits[2], logits[3]})),
      sum / 6, 1e-12);
}

TEST(CrossViewLossTest, GradientEqualsFiniteDifferencesAndReachesNoTarget) {
  std::vector<at::Tensor> targets, logits;
  for (int view = 0; view < 3; ++view) {
    logits.push_back(RandomMatrix(2, 4, 30 + view));
    if (view < 2) targets.push_back(RandomMatrix(2, 4, 40 + view).softmax(1).requires_grad_());
  }
  for (const at::Tensor& logit : logits) {
    ExpectGradientIsRight(logit, [&] { return CrossViewLoss(targets, logits); });
  }
  for (const at::Tensor& target : targets) EXPECT_FALSE(target.grad().defined());
}

TEST(CrossViewLossTest, RefusesShapesThatDisagree) {
  const at::Tensor a = RandomMatrix(2, 4, 50), b = RandomMatrix(2, 5, 51);
  EXPECT_THROW(CrossViewLoss({a}, {a, b}), c10::Error);
  EXPECT_THROW(CrossViewLoss({a}, {a}), c10::Error);
  EXPECT_THROW(CrossViewLoss({}, {a, a}), c10::Error);
}

}  // namespace
}  // namespace cassle
