#include "cassle/ssl/training/collapse.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "cassle/base/philox.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

at::Tensor RandomMatrix(int64_t rows, int64_t columns, uint64_t seed) {
  at::Tensor matrix = at::zeros({rows, columns}, at::kDouble);
  Philox random(StreamKey{seed});
  double* values = matrix.data_ptr<double>();
  for (int64_t i = 0; i < matrix.numel(); ++i) values[i] = random.NextGaussian();
  return matrix;
}

TEST(DescribeProjectionsTest, TellsCollapseFromSpread) {
  const at::Tensor collapsed = at::ones({64, 16}, at::kDouble);
  const ProjectionStatistics none = DescribeProjections(collapsed, collapsed);
  EXPECT_NEAR(none.spread, 0, 1e-12);
  EXPECT_NEAR(none.matched_cosine, 1, 1e-12);
  EXPECT_NEAR(none.unmatched_cosine, 1, 1e-12);
  EXPECT_NEAR(Spread(collapsed), 0, 1e-12);

  const at::Tensor z = RandomMatrix(512, 16, 8);
  const ProjectionStatistics full = DescribeProjections(z, z);
  EXPECT_NEAR(full.spread, 1, 0.02);
  EXPECT_NEAR(full.spread, Spread(z), 1e-12);
  EXPECT_NEAR(full.matched_cosine, 1, 1e-12);
  EXPECT_NEAR(full.unmatched_cosine, 0, 0.02);
}

TEST(EffectiveRankTest, CountsEqualSingularValues) {
  // Gram matrices lose half the digits: 1e-8 of the largest singular value, times rank.
  EXPECT_NEAR(EffectiveRank(at::eye(7, at::kDouble)), 7, 1e-6);
  EXPECT_NEAR(EffectiveRank(at::eye(7, at::kDouble) * 1e-3), 7, 1e-6);
  // Fewer rows than columns, and the other way round.
  EXPECT_NEAR(EffectiveRank(at::eye(7, at::kFloat).narrow(0, 0, 3)), 3, 1e-6);
  EXPECT_NEAR(EffectiveRank(at::eye(7, at::kFloat).narrow(1, 0, 3)), 3, 1e-6);
}

TEST(EffectiveRankTest, EqualsTheEntropyOfUnequalSingularValues) {
  // Shares 3/4 and 1/4: exp(log 4 - 3/4 log 3) = 4 / 3^(3/4).
  at::Tensor diagonal = at::zeros({2, 2}, at::kDouble);
  diagonal[0][0] = 3;
  diagonal[1][1] = 1;
  EXPECT_NEAR(EffectiveRank(diagonal), 1.754765350603224, 1e-7);
}

TEST(EffectiveRankTest, IsOneWhenAllRowsPointOneWay) {
  EXPECT_NEAR(EffectiveRank(at::ones({64, 16}, at::kFloat)), 1, 1e-4);
  EXPECT_GT(EffectiveRank(RandomMatrix(64, 16, 3)), 14);
}

TEST(EffectiveRankTest, IsZeroOfNothing) {
  EXPECT_EQ(EffectiveRank(at::zeros({4, 3}, at::kFloat)), 0);
  at::Tensor broken = at::ones({4, 3}, at::kFloat);
  broken[2][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(EffectiveRank(broken), 0);
}

v1::MonitorConfig Limits(double spread_below, double rank_below, int grace_epochs) {
  v1::MonitorConfig limits;
  limits.set_abort_if_spread_below(spread_below);
  limits.set_abort_if_rank_below(rank_below);
  limits.set_abort_grace_epochs(grace_epochs);
  return limits;
}

TEST(CheckCollapseTest, StopsBelowALimitAfterTheGrace) {
  v1::TrainMetrics metrics;
  metrics.set_step(120);
  metrics.set_epoch(3);
  metrics.set_projection_spread(0.01);
  metrics.set_feature_rank(1.5);
  EXPECT_OK(CheckCollapse({}, metrics));
  EXPECT_OK(CheckCollapse(Limits(0.01, 1.5, 1), metrics));
  EXPECT_OK(CheckCollapse(Limits(0.1, 2, 3), metrics));
  EXPECT_THAT(CheckCollapse(Limits(0.1, 0, 2), metrics),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("step 120 (epoch 3)"), HasSubstr("spread 0.01, rank 1.5"),
                             HasSubstr("--monitor.abort_if_spread_below=0.1"),
                             HasSubstr("lower --base_lr"))));
  EXPECT_THAT(CheckCollapse(Limits(0, 2, 2), metrics),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("--monitor.abort_if_rank_below=2")));
}

TEST(CollapseSentenceTest, SaysWhatToLookAtIfFeaturesAreEqual) {
  v1::TrainMetrics metrics;
  metrics.set_step(7);
  EXPECT_EQ(CollapseSentence(metrics, 64), "");
  metrics.set_feature_spread(0);
  EXPECT_THAT(CollapseSentence(metrics, 64),
              AllOf(HasSubstr("has collapsed"), HasSubstr("feature_spread 0 at step 7"),
                    HasSubstr("metrics.jsonl"), HasSubstr("--base_lr")));
  // One image has no spread.
  EXPECT_EQ(CollapseSentence(metrics, 1), "");
  metrics.set_feature_spread(0.02);
  EXPECT_EQ(CollapseSentence(metrics, 64), "");
}

TEST(CollapseSentenceTest, EqualRowsAreCollapsedInFloat32) {
  const at::Tensor rows = at::rand({1, 512}).expand({64, 512}).contiguous();
  v1::TrainMetrics metrics;
  metrics.set_feature_spread(Spread(rows));
  EXPECT_NE(CollapseSentence(metrics, 64), "");
}

}  // namespace
}  // namespace cassle
