#include "cassle/ssl/method/stochastic_depth.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cassle/models/networks/backbone.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/testing/tiny_backbone.h"

namespace cassle {
namespace {

// A classifier on a vision transformer: without batch norm rows do not see each other.
MethodSetup Setup() {
  MethodSetup setup = TinySetup(kBatch, kDescriptor);
  setup.num_views = 1;
  setup.make_backbone = [] {
    v1::BackboneConfig config;
    config.set_architecture("vit_tiny");
    config.set_patch_size(4);
    return MakeBackbone(ResolveBackbone(config, 12).value(), 1);
  };
  return setup;
}

std::unique_ptr<Method> Classifier(double rate) {
  v1::MethodConfig config;
  config.mutable_supervised();
  const MethodSetup setup = Setup();
  return WithStochasticDepth(MakeMethod(config, setup).value(), rate, setup);
}

Batch Rows(const Batch& batch, int64_t first, int64_t count) {
  Batch part = batch;
  part.views[0].images = batch.views[0].images.narrow(0, first, count);
  part.views[0].descriptors = batch.views[0].descriptors.narrow(0, first, count);
  part.labels = batch.labels.narrow(0, first, count);
  return part;
}

at::Tensor Logits(Method* method, const Batch& batch) { return method->Forward(batch).z1; }

TEST(StochasticDepthTest, PartsOfABatchDrawWhatTheWholeDraws) {
  const Batch batch = RandomBatch(1, 1);
  const auto whole = Classifier(0.5);
  const auto parts = Classifier(0.5);
  const at::Tensor expected = Logits(whole.get(), batch);
  const at::Tensor first = Logits(parts.get(), Rows(batch, 0, 3));
  const at::Tensor rest = Logits(parts.get(), Rows(batch, 3, kBatch - 3));
  EXPECT_LT(LargestDifference(at::cat({first, rest}), expected), 1e-5);
  EXPECT_GT(LargestDifference(Logits(Classifier(0).get(), batch), expected), 1e-3);
  // The next step draws anew, from the first row again.
  whole->AfterStep();
  parts->AfterStep();
  const at::Tensor next = Logits(whole.get(), batch);
  EXPECT_GT(LargestDifference(next, expected), 1e-3);
  EXPECT_LT(LargestDifference(Logits(parts.get(), Rows(batch, 0, 3)), next.narrow(0, 0, 3)), 1e-5);
}

TEST(StochasticDepthTest, ItsStateGoesOnWithTheSameDraws) {
  const Batch batch = RandomBatch(1, 1);
  const auto first = Classifier(0.5);
  first->AfterStep();
  const auto second = Classifier(0.5);
  const std::vector<NamedTensor> from = first->state(), to = second->state();
  ASSERT_EQ(from.size(), to.size());
  EXPECT_EQ(to.back().name, "stochastic_depth.steps");
  to.back().tensor.copy_(from.back().tensor);
  EXPECT_TRUE(at::equal(Logits(first.get(), batch), Logits(second.get(), batch)));
}

TEST(StochasticDepthTest, ABackboneWithoutBranchesThrows) {
  v1::MethodConfig config;
  config.mutable_supervised();
  const MethodSetup setup = TinySetup(kBatch, kDescriptor);
  EXPECT_THROW(WithStochasticDepth(MakeMethod(config, setup).value(), 0.1, setup), c10::Error);
}

}  // namespace
}  // namespace cassle
