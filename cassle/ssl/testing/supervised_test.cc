// What the settings of supervised training do: label smoothing and mixup.
#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <string>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/methods/mixup.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

double Value(const at::Tensor& scalar) { return scalar.item().toDouble(); }

// -log softmax, [B, K].
at::Tensor Losses(const at::Tensor& logits) { return -at::log_softmax(logits, 1); }

TEST(SupervisedTest, LabelSmoothingSharesAPartOfTheTargetAmongAllClasses) {
  v1::MethodConfig config;
  config.mutable_supervised()->set_label_smoothing(0.3);
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.num_views = 1;
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, setup));
  const Batch batch = RandomBatch(1);
  const MethodOutput output = method->Forward(batch);
  const at::Tensor losses = Losses(output.z1);
  const at::Tensor expected =
      0.7 * losses.gather(1, batch.labels.unsqueeze(1)).mean() + 0.3 * losses.mean();
  EXPECT_NEAR(Value(output.loss), Value(expected), 1e-6);
}

TEST(MixupTest, RowsOfAPairAreMixedByOneShareAndAskedForBothLabels) {
  const at::Tensor images = RandomTensor({4, 3, 2, 2}, 1), logits = RandomTensor({4, 3}, 2);
  const at::Tensor shares = at::tensor({0.8f, 0.8f, 0.25f, 0.25f});
  const at::Tensor labels = at::tensor({2, 0, 1, 1}, at::kLong);
  const at::Tensor mixed = MixWithPartners(images, shares);
  EXPECT_LT(Value((mixed[0] - (0.8 * images[0] + 0.2 * images[1])).abs().max()), 1e-6);
  EXPECT_LT(Value((mixed[1] - (0.8 * images[1] + 0.2 * images[0])).abs().max()), 1e-6);
  EXPECT_LT(Value((mixed[3] - (0.25 * images[3] + 0.75 * images[2])).abs().max()), 1e-6);
  const at::Tensor losses = Losses(logits);
  const auto loss = [&](int64_t row, int64_t label) { return Value(losses[row][label]); };
  const double expected = (0.8 * loss(0, 2) + 0.2 * loss(0, 0) + 0.8 * loss(1, 0) +
                           0.2 * loss(1, 2) + loss(2, 1) + loss(3, 1)) /
                          4;
  EXPECT_NEAR(Value(MixupCrossEntropy(logits, labels, shares, 0)), expected, 1e-6);
}

TEST(MixupTest, SharesBelongToSeedStepViewAndPair) {
  const at::Tensor all = MixupShares(0.5, 1, 3, 0, 0, 8);
  EXPECT_TRUE(MixupShares(0.5, 1, 3, 0, 4, 4).equal(all.narrow(0, 4, 4)));
  for (const at::Tensor& other : {MixupShares(0.5, 2, 3, 0, 0, 8), MixupShares(0.5, 1, 4, 0, 0, 8),
                                  MixupShares(0.5, 1, 3, 1, 0, 8)}) {
    EXPECT_FALSE(other.equal(all));
  }
  EXPECT_TRUE(PartnersOf(all).equal(all));
  EXPECT_NE(Value(all[0]), Value(all[2]));
}

TEST(MixupTest, PartsOfABatchAreMixedAsTheWhole) {
  v1::MethodConfig config;
  config.mutable_supervised()->set_mixup_alpha(1);
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.num_views = 1;
  ASSERT_OK_AND_ASSIGN(const auto whole, MakeMethod(config, setup));
  setup.part_size = kBatch / 2;
  ASSERT_OK_AND_ASSIGN(const auto parts, MakeMethod(config, setup));
  // Batch norm would see other rows.
  whole->backbone().eval();
  parts->backbone().eval();
  const Batch batch = RandomBatch(1);
  double of_parts = 0;
  for (const int64_t first : {int64_t{0}, kBatch / 2}) {
    Batch part;
    part.views.push_back({batch.views[0].images.narrow(0, first, kBatch / 2),
                          batch.views[0].descriptors.narrow(0, first, kBatch / 2)});
    part.labels = batch.labels.narrow(0, first, kBatch / 2);
    of_parts += Value(parts->Forward(part).loss) / 2;
  }
  const double loss = Value(whole->Forward(batch).loss);
  EXPECT_NEAR(of_parts, loss, 1e-6);
  // The next step has other shares, and its number is part of the state.
  whole->AfterStep();
  EXPECT_NE(Value(whole->Forward(batch).loss), loss);
  EXPECT_EQ(whole->other_state().at(0).name, "steps");
  EXPECT_EQ(Value(whole->other_state().at(0).tensor), 1);
}

TEST(MixupTest, RefusesWhatHasNoPartnerOrTwoDescriptions) {
  v1::MethodConfig config;
  config.mutable_supervised()->set_mixup_alpha(0.2);
  const auto refused = [&](const MethodSetup& setup, const char* words) {
    EXPECT_THAT(MakeMethod(config, setup),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(words)));
  };
  refused(TinySetup(7, 0),
          "7 images leave one without a partner; choose --batch_size=6, or another multiple of 2");
  refused(TinySetup(1, 0), "a batch of 2 is the smallest that goes");
  MethodSetup setup = TinySetup(12, 0);
  setup.part_size = 3;
  refused(setup, "choose --batch_size=8, or another multiple of 8");
  setup = TinySetup(8, kDescriptor);
  setup.conditioning.set_treatment(v1::RAW);
  refused(setup, "no descriptor tells");
}

}  // namespace
}  // namespace cassle
