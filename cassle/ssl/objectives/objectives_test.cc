#include "cassle/ssl/objectives/objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/method/key_queue.h"
#include "cassle/ssl/objectives/objectives_testutil.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(NtXentLossTest, EqualsTheAuthorsValuesAndGradients) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("loss_simclr.safetensors"));
  const double temperature = std::stod(golden.Metadata("temperature"));
  int cases = 0;
  for (std::string c = "c0."; golden.Has(c + "h1"); c = "c" + std::to_string(++cases) + ".") {
    for (const bool in_float64 : {false, true}) {
      const std::string suffix = in_float64 ? ".f64" : "";
      const at::ScalarType type = in_float64 ? at::kDouble : at::kFloat;
      const at::Tensor h1 = GoldenTensor(golden, c + "h1").to(type).requires_grad_();
      const at::Tensor h2 = GoldenTensor(golden, c + "h2").to(type).requires_grad_();
      const at::Tensor loss = NtXentLoss(h1, h2, temperature);
      loss.backward();
      // float32 keeps 7 digits; the sums of the loss cost one, those of the gradient two. float64
      // shows that the formula is the same: what is left there is rounding.
      EXPECT_LT(RelativeDifference(loss, GoldenTensor(golden, c + "loss" + suffix)),
                in_float64 ? 1e-13 : 1e-5);
      EXPECT_LT(RelativeDifference(h1.grad(), GoldenTensor(golden, c + "grad.h1" + suffix)),
                in_float64 ? 1e-12 : 1e-4);
      EXPECT_LT(RelativeDifference(h2.grad(), GoldenTensor(golden, c + "grad.h2" + suffix)),
                in_float64 ? 1e-12 : 1e-4);
    }
  }
  EXPECT_GE(cases, 1);
}

TEST(NtXentLossTest, EqualsLogOfNegativesWhenAllRowsCoincide) {
  const at::Tensor z = at::ones({8, 5}, at::kDouble);
  EXPECT_NEAR(Value(NtXentLoss(z, z, 0.2)), std::log(15.0), 1e-12);
}

TEST(NtXentLossTest, IgnoresTheLengthOfRowsAndTheOrderOfViews) {
  const at::Tensor z1 = RandomMatrix(6, 4, 1);
  const at::Tensor z2 = RandomMatrix(6, 4, 2);
  const double loss = Value(NtXentLoss(z1, z2, 0.3));
  EXPECT_NEAR(Value(NtXentLoss(z1 * 7, z2 * 0.1, 0.3)), loss, 1e-12);
  EXPECT_NEAR(Value(NtXentLoss(z2, z1, 0.3)), loss, 1e-12);
}

TEST(NtXentLossTest, GradientEqualsFiniteDifferences) {
  const at::Tensor z1 = RandomMatrix(4, 3, 3);
  const at::Tensor z2 = RandomMatrix(4, 3, 4);
  ExpectGradientIsRight(z1, [&] { return NtXentLoss(z1, z2, 0.2); });
  ExpectGradientIsRight(z2, [&] { return NtXentLoss(z1, z2, 0.2); });
}

TEST(NtXentLossTest, RefusesShapesThatDisagree) {
  EXPECT_THROW(NtXentLoss(at::ones({4, 3}), at::ones({5, 3}), 0.2), c10::Error);
  EXPECT_THROW(NtXentLoss(at::ones({1, 3}), at::ones({1, 3}), 0.2), c10::Error);
}

TEST(MocoLossTest, EqualsTheAuthorsValuesAndGradients) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("loss_moco.safetensors"));
  const double temperature = std::stod(golden.Metadata("temperature"));
  int cases = 0;
  for (std::string c = "c0."; golden.Has(c + "h1"); c = "c" + std::to_string(++cases) + ".") {
    for (const bool in_float64 : {false, true}) {
      const std::string suffix = in_float64 ? ".f64" : "";
      const at::ScalarType type = in_float64 ? at::kDouble : at::kFloat;
      const at::Tensor h1 = GoldenTensor(golden, c + "h1").to(type).requires_grad_();
      const at::Tensor h2 = GoldenTensor(golden, c + "h2").to(type);
      const at::Tensor loss =
          MocoLoss(h1, h2, GoldenTensor(golden, c + "queue").to(type), temperature);
      loss.backward();
      // Tolerances as for NT-Xent.
      EXPECT_LT(RelativeDifference(loss, GoldenTensor(golden, c + "loss" + suffix)),
                in_float64 ? 1e-13 : 1e-5);
      EXPECT_LT(RelativeDifference(h1.grad(), GoldenTensor(golden, c + "grad.h1" + suffix)),
                in_float64 ? 1e-12 : 1e-4);
    }
  }
  EXPECT_GE(cases, 1);
}

TEST(MocoLossTest, EqualsLogOfCandidatesWhenAllRowsCoincide) {
  const at::Tensor row = NormalizeRows(at::ones({1, 5}, at::kDouble));
  EXPECT_NEAR(Value(MocoLoss(row.expand({3, 5}), row.expand({3, 5}), row.expand({7, 5}), 0.2)),
              std::log(8.0), 1e-12);
}

TEST(MocoLossTest, GradientEqualsFiniteDifferences) {
  const at::Tensor q = RandomMatrix(3, 4, 5);
  const at::Tensor k = RandomMatrix(3, 4, 6);
  const at::Tensor queue = NormalizeRows(RandomMatrix(6, 4, 7));
  ExpectGradientIsRight(q, [&] { return MocoLoss(q, k, queue, 0.2); });
}

using LossOf = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

// Compares value and gradients of `loss` with the file's: `inputs` in the order of the arguments,
// the first `differentiated` of them with a gradient. No gradient may reach the others.
void ExpectLossOfTheAuthors(const SafetensorsFile& golden, const std::vector<std::string>& inputs,
                            size_t differentiated, const LossOf& loss_of) {
  int cases = 0;
  for (std::string c = "c0."; golden.Has(c + "loss"); c = "c" + std::to_string(++cases) + ".") {
    for (const bool in_float64 : {false, true}) {
      const std::string suffix = in_float64 ? ".f64" : "";
      std::vector<at::Tensor> arguments;
      for (const std::string& input : inputs) {
        arguments.push_back(GoldenTensor(golden, c + input)
                                .to(in_float64 ? at::kDouble : at::kFloat)
                                .requires_grad_());
      }
      const at::Tensor loss = loss_of(arguments);
      loss.backward();
      // Tolerances as for NT-Xent.
      EXPECT_LT(RelativeDifference(loss, GoldenTensor(golden, c + "loss" + suffix)),
                in_float64 ? 1e-13 : 1e-5)
          << c;
      for (size_t i = 0; i < inputs.size(); ++i) {
        if (i >= differentiated) {
          EXPECT_FALSE(arguments[i].grad().defined()) << c << inputs[i];
          continue;
        }
        EXPECT_LT(RelativeDifference(arguments[i].grad(),
                                     GoldenTensor(golden, c + "grad." + inputs[i] + suffix)),
                  in_float64 ? 1e-12 : 1e-4)
            << c << inputs[i];
      }
    }
  }
  EXPECT_GE(cases, 1);
}

TEST(ByolLossTest, EqualsTheAuthorsValuesAndGradients) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("loss_byol.safetensors"));
  ExpectLossOfTheAuthors(golden, {"p1", "p2", "t1", "t2"}, 2,
                         [](const auto& x) { return ByolLoss(x[0], x[1], x[2], x[3]); });
}

TEST(ByolLossTest, IsMinusFourWhenPredictionsPointAtTheTargets) {
  const at::Tensor a = RandomMatrix(4, 3, 11), b = RandomMatrix(4, 3, 12);
  EXPECT_NEAR(Value(ByolLoss(a, b, b * 3, a * 0.2)), -4, 1e-12);
  EXPECT_NEAR(Value(ByolLoss(a, b, -b, -a)), 4, 1e-12);
}

TEST(SimsiamLossTest, EqualsTheAuthorsValuesAndGradients) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("loss_simsiam.safetensors"));
  ExpectLossOfTheAuthors(golden, {"p1", "p2", "z1", "z2"}, 2,
                         [](const auto& x) { return SimsiamLoss(x[0], x[1], x[2], x[3]); });
}

TEST(SimsiamLossTest, IsMinusOneWhenPredictionsPointAtTheProjections) {
  const at::Tensor a = RandomMatrix(4, 3, 13), b = RandomMatrix(4, 3, 14);
  EXPECT_NEAR(Value(SimsiamLoss(a, b, b, a)), -1, 1e-12);
}

TEST(BarlowTwinsLossTest, EqualsTheAuthorsValuesAndGradients) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("loss_barlow.safetensors"));
  const double weight = std::stod(golden.Metadata("bt_lambda"));
  ExpectLossOfTheAuthors(golden, {"z1", "z2"}, 2,
                         [weight](const auto& x) { return BarlowTwinsLoss(x[0], x[1], weight); });
}

TEST(BarlowTwinsLossTest, IsZeroForUncorrelatedCoordinatesThatAgree) {
  // Columns of a Hadamard matrix: mean 0, variance 1, uncorrelated.
  const at::Tensor z = at::ones({4, 3}, at::kDouble);
  for (const auto& [row, column] : {std::pair(1, 0), std::pair(3, 0), std::pair(2, 1),
                                    std::pair(3, 1), std::pair(1, 2), std::pair(2, 2)}) {
    z.data_ptr<double>()[3 * row + column] = -1;
  }
  EXPECT_NEAR(Value(BarlowTwinsLoss(z, z, 0.5)), 0, 1e-12);
  // The opposite sign in one view: (-1 - 1)^2 on the diagonal, three times.
  EXPECT_NEAR(Value(BarlowTwinsLoss(z, -z, 0.5)), 12, 1e-12);
}

TEST(BarlowTwinsLossTest, GradientEqualsFiniteDifferences) {
  const at::Tensor z1 = RandomMatrix(4, 3, 15);
  const at::Tensor z2 = RandomMatrix(4, 3, 16);
  ExpectGradientIsRight(z1, [&] { return BarlowTwinsLoss(z1, z2, 0.3); });
}

TEST(MocoV3LossTest, EqualsTheAuthorsValuesAndGradients) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("loss_mocov3.safetensors"));
  const double temperature = std::stod(golden.Metadata("temperature"));
  ExpectLossOfTheAuthors(golden, {"q1", "q2", "k1", "k2"}, 2, [temperature](const auto& x) {
    return MocoV3Loss(x[0], x[1], x[2], x[3], temperature);
  });
}

TEST(MocoV3LossTest, EqualsLogOfTheBatchWhenAllRowsCoincide) {
  const at::Tensor z = at::ones({8, 5}, at::kDouble);
  EXPECT_NEAR(Value(MocoV3Loss(z, z, z, z, 0.3)), 4 * 0.3 * std::log(8.0), 1e-12);
}

TEST(VicregLossTest, EqualsASmallCaseByHand) {
  const at::Tensor z1 = at::tensor({1.0, 0.0, -1.0, 0.0}).view({2, 2});
  const at::Tensor z2 = at::tensor({0.5, 0.5, -0.5, -0.5}).view({2, 2});
  // Every entry differs by 0.5. The variances are 2 and 0, and 0.5 and 0.5; only the second view's
  // coordinates vary together: 0.5^2 twice, divided by two coordinates.
  EXPECT_NEAR(Value(VicregLoss(z1, z2, {1, 0, 0})), 0.25, 1e-12);
  EXPECT_NEAR(Value(VicregLoss(z1, z2, {0, 1, 0})), 0.5 * (0.99 / 2 + 1 - std::sqrt(0.5001)),
              1e-12);
  EXPECT_NEAR(Value(VicregLoss(z1, z2, {0, 0, 1})), 0.25, 1e-12);
  EXPECT_NEAR(Value(VicregLoss(z1, z2, {})), 25 * 0.25 + 12.5 * (1.495 - std::sqrt(0.5001)) + 0.25,
              1e-12);
}

TEST(VicregLossTest, IsTheVarianceTermAloneWhenAllRowsCoincide) {
  const at::Tensor z = at::ones({8, 5}, at::kDouble);
  EXPECT_NEAR(Value(VicregLoss(z, z, {})), 25 * 0.99, 1e-12);
}

TEST(VicregLossTest, IsZeroForIdenticalViewsOfUncorrelatedCoordinatesThatVaryEnough) {
  const at::Tensor z = at::tensor({1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0}).view({4, 2}) * 3;
  EXPECT_EQ(Value(VicregLoss(z, z, {})), 0);
}

TEST(VicregLossTest, IdenticalViewsHaveNoInvarianceTermAndACommonShiftChangesNothing) {
  const at::Tensor z1 = RandomMatrix(5, 4, 17), z2 = RandomMatrix(5, 4, 18);
  EXPECT_EQ(Value(VicregLoss(z1, z1, {1, 0, 0})), 0);
  const at::Tensor shift = RandomMatrix(1, 4, 19);
  EXPECT_NEAR(Value(VicregLoss(z1 + shift, z2 + shift, {})), Value(VicregLoss(z1, z2, {})), 1e-12);
  EXPECT_NEAR(Value(VicregLoss(z2, z1, {})), Value(VicregLoss(z1, z2, {})), 1e-12);
}

// The covariance is computed another way where coordinates are many. Constant ones have none.
TEST(VicregLossTest, ConstantCoordinatesAddNoCovariance) {
  const at::Tensor z1 = RandomMatrix(4, 3, 20), z2 = RandomMatrix(4, 3, 21);
  const at::Tensor none = at::zeros({4, 6}, at::kDouble);
  EXPECT_NEAR(9 * Value(VicregLoss(at::cat({z1, none}, 1), at::cat({z2, none}, 1), {0, 0, 1})),
              3 * Value(VicregLoss(z1, z2, {0, 0, 1})), 1e-12);
}

TEST(VicregLossTest, GradientEqualsFiniteDifferences) {
  for (const auto& [rows, columns] : {std::pair{6, 3}, std::pair{3, 7}}) {
    // Standard deviations around 0.6: the hinge is active.
    const at::Tensor z1 = RandomMatrix(rows, columns, 22) * 0.6;
    const at::Tensor z2 = RandomMatrix(rows, columns, 23) * 0.6;
    ExpectGradientIsRight(z1, [&] { return VicregLoss(z1, z2, {2, 3, 0.5}); });
  }
}

TEST(VarianceHingeTest, IsThatOfACoordinateByHandAndFallsToZeroWhereAllVaryEnough) {
  // Variances 2 and 0.
  const at::Tensor z = at::tensor({1.0, 5.0, -1.0, 5.0}).view({2, 2});
  EXPECT_NEAR(Value(VarianceHinge(z)), 0.99 / 2, 1e-12);
  EXPECT_NEAR(Value(VarianceHinge(z * 0.5)), (0.99 + 1 - std::sqrt(0.5001)) / 2, 1e-12);
  EXPECT_EQ(Value(VarianceHinge(RandomMatrix(20, 3, 24) * 9)), 0);
  EXPECT_THROW(VarianceHinge(at::ones({1, 3})), c10::Error);
}

TEST(SymmetricLossTest, RefuseShapesThatDisagree) {
  const at::Tensor a = at::ones({4, 3}), b = at::ones({5, 3});
  EXPECT_THROW(ByolLoss(a, a, b, b), c10::Error);
  EXPECT_THROW(SimsiamLoss(a, a, a, b), c10::Error);
  EXPECT_THROW(BarlowTwinsLoss(a, b, 1), c10::Error);
  EXPECT_THROW(MocoV3Loss(a, b, a, b, 1), c10::Error);
  EXPECT_THROW(VicregLoss(a, b, {}), c10::Error);
  EXPECT_THROW(VicregLoss(at::ones({1, 3}), at::ones({1, 3}), {}), c10::Error);
}

TEST(KeyQueueTest, StartsFromNormalisedRowsThatDependOnTheSeedOnly) {
  const KeyQueue queue(32, 16, 5);
  EXPECT_LT(LargestDifference(queue.rows().norm(2, {1}), at::ones({32})), 1e-6);
  EXPECT_EQ(LargestDifference(queue.rows(), KeyQueue(64, 16, 5).rows().narrow(0, 0, 32)), 0);
  EXPECT_GT(LargestDifference(queue.rows(), KeyQueue(32, 16, 6).rows()), 0.1);
  EXPECT_LT(std::abs(Value(queue.rows().mean())), 0.05);
}

TEST(KeyQueueTest, EnqueuesAsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("loss_moco.safetensors"));
  int cases = 0;
  for (int i = 0; golden.Has("c" + std::to_string(i) + ".queue"); ++i, ++cases) {
    const std::string c = "c" + std::to_string(i) + ".";
    const at::Tensor before = GoldenTensor(golden, c + "queue");
    KeyQueue queue(before.size(0), before.size(1), 1);
    queue.rows().copy_(before);
    queue.pointer().copy_(GoldenTensor(golden, c + "ptr"));
    queue.Enqueue(NormalizeRows(GoldenTensor(golden, c + "h1")));
    EXPECT_LT(LargestDifference(queue.rows(), GoldenTensor(golden, c + "queue_after")), 1e-6);
    EXPECT_EQ(LargestDifference(queue.pointer(), GoldenTensor(golden, c + "ptr_after")), 0);
  }
  EXPECT_GE(cases, 1);
}

TEST(KeyQueueTest, ReplacesTheOldestRowsAndWrapsAround) {
  KeyQueue queue(6, 2, 1);
  for (int batch = 1; batch <= 4; ++batch) {
    at::Tensor keys = at::ones({2, 2}) * batch;
    keys.requires_grad_();
    queue.Enqueue(keys);
  }
  EXPECT_FALSE(queue.rows().requires_grad());
  const float* rows = queue.rows().data_ptr<float>();
  EXPECT_EQ(std::vector<float>(rows, rows + 12),
            std::vector<float>({4, 4, 4, 4, 2, 2, 2, 2, 3, 3, 3, 3}));
  EXPECT_EQ(queue.pointer().item().toLong(), 2);
  EXPECT_THROW(queue.Enqueue(at::ones({5, 2})), c10::Error);
}

}  // namespace
}  // namespace cassle
