// What NNCLR does with its queue and its predictor. Linked into method_test.
#include <ATen/TensorOperators.h>

#include <memory>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/objectives/neighbor_objectives.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

v1::MethodConfig TinyNnclr(int queue_size) {
  v1::MethodConfig config;
  v1::NnclrConfig* nnclr = config.mutable_nnclr();
  nnclr->set_queue_size(queue_size);
  nnclr->set_hidden_size(16);
  nnclr->set_projection_size(16);
  nnclr->set_predictor_hidden_size(16);
  return config;
}

at::Tensor QueueOf(const Method& method) { return method.other_state()[0].tensor; }

TEST(NnclrTest, TheQueueTakesTheNormalisedProjectionsOfView1AfterTheStep) {
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(TinyNnclr(2 * kBatch), TinySetup(kBatch, 0)));
  const at::Tensor before = QueueOf(*method).clone();
  const MethodOutput output = method->Forward(RandomBatch(1));
  EXPECT_EQ(LargestDifference(QueueOf(*method), before), 0);
  method->AfterStep();
  EXPECT_LT(LargestDifference(QueueOf(*method).narrow(0, 0, kBatch), NormalizeRows(output.z1)),
            1e-6);
  EXPECT_EQ(LargestDifference(QueueOf(*method).narrow(0, kBatch, kBatch),
                              before.narrow(0, kBatch, kBatch)),
            0);
}

TEST(NnclrTest, LossComparesTheNeighboursOfEachViewWithThePredictionsFromTheOther) {
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(TinyNnclr(2 * kBatch), TinySetup(kBatch, 0)));
  for (int step = 1; step <= 2; ++step) {
    method->Forward(RandomBatch(step));
    method->AfterStep();
  }
  const at::Tensor queue = QueueOf(*method).clone();
  const MethodOutput output = method->Forward(RandomBatch(3));
  auto& predictor = dynamic_cast<Mlp&>(*method->networks()[2].module);
  const auto neighbours = [&](const at::Tensor& z) {
    at::Tensor rows = z.clone();
    const at::Tensor cosines = NormalizeRows(z).mm(queue.t());
    for (int64_t i = 0; i < kBatch; ++i) rows[i] = queue[cosines[i].argmax().item().toLong()];
    return rows;
  };
  EXPECT_NEAR(output.loss.item().toDouble(),
              NnclrLoss(neighbours(output.z1), neighbours(output.z2), predictor.forward(output.z1),
                        predictor.forward(output.z2), 0.1)
                  .item()
                  .toDouble(),
              1e-5);
}

TEST(NnclrTest, RefusesAQueueThatIsNoMultipleOfTheBatchAndASingleImage) {
  EXPECT_THAT(MakeMethod(TinyNnclr(100), TinySetup(48, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--method.nnclr.queue_size=100 is not a multiple of the batch")));
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.part_size = 1;
  EXPECT_THAT(MakeMethod(TinyNnclr(kBatch), setup),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("needs at least 2")));
}

}  // namespace
}  // namespace cassle
