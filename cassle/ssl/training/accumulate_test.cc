// Gradient accumulation: what parts of a batch give together.
#include "cassle/ssl/training/accumulate.h"

#include <ATen/TensorOperators.h>

#include <memory>
#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/optimizers/make_optimizer.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

std::unique_ptr<Method> Make(const std::string& name) {
  v1::MethodConfig config;
  const auto* field = config.GetDescriptor()->FindFieldByName(name);
  google::protobuf::Message* settings = config.GetReflection()->MutableMessage(&config, field);
  for (const char* size : {"hidden_size", "projection_size", "predictor_hidden_size"}) {
    const auto* setting = settings->GetDescriptor()->FindFieldByName(size);
    if (setting != nullptr) settings->GetReflection()->SetInt32(settings, setting, 16);
  }
  if (config.has_moco_v2()) config.mutable_moco_v2()->set_queue_size(4 * kBatch);
  absl::StatusOr<std::unique_ptr<Method>> method = MakeMethod(config, TinySetup(kBatch, 0));
  EXPECT_OK(method);
  return *std::move(method);
}

// Batch norm no longer couples the images of a batch.
void FixBatchNorm(Method* method) {
  for (const Method::Network& network : method->networks()) network.module->eval();
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item().toDouble();
}

// Of the gradients, relative to the largest gradient.
double GradientDifference(const Method& a, const Method& b) {
  double largest = 0, difference = 0;
  const std::vector<NamedTensor> as = a.trained_parameters(), bs = b.trained_parameters();
  for (size_t i = 0; i < as.size(); ++i) {
    if (!as[i].tensor.grad().defined()) continue;
    largest = std::max(largest, as[i].tensor.grad().abs().max().item().toDouble());
    difference = std::max(difference, LargestDifference(as[i].tensor.grad(), bs[i].tensor.grad()));
  }
  EXPECT_GT(largest, 0);
  return difference / largest;
}

TEST(AccumulateTest, EqualsTheWholeBatchWhereTheLossIsAMeanOverImages) {
  for (const char* name : {"byol", "simsiam", "moco_v2"}) {
    const std::unique_ptr<Method> whole = Make(name), parts = Make(name);
    FixBatchNorm(whole.get());
    FixBatchNorm(parts.get());
    const Batch batch = RandomBatch(1);
    const BatchPass one = AccumulateGradients(batch, 1, whole.get());
    const BatchPass four = AccumulateGradients(batch, 4, parts.get());
    // Sums in another order: a few roundings of float32.
    EXPECT_NEAR(four.loss, one.loss, 1e-5 * std::abs(one.loss)) << name;
    EXPECT_LT(GradientDifference(*whole, *parts), 1e-5) << name;
    EXPECT_LT(LargestDifference(four.z1, one.z1), 1e-5) << name;
    EXPECT_LT(LargestDifference(four.z2, one.z2), 1e-5) << name;
    EXPECT_EQ(four.features1.sizes(), one.features1.sizes()) << name;
  }
}

TEST(AccumulateTest, NegativesCorrelationsAndBatchNormAreThoseOfAPart) {
  for (const char* name :
       {"simclr", "barlow_twins", "vicreg", "moco_v3", "nnclr", "lejepa", "sie"}) {
    const std::unique_ptr<Method> whole = Make(name), parts = Make(name);
    AccumulateGradients(RandomBatch(1), 1, whole.get());
    const BatchPass pass = AccumulateGradients(RandomBatch(1), 2, parts.get());
    EXPECT_GT(GradientDifference(*whole, *parts), 1e-3) << name;
    // The mean of the losses of the two halves.
    double sum = 0;
    for (int half = 0; half < 2; ++half) {
      const std::unique_ptr<Method> alone = Make(name);
      Batch batch = RandomBatch(1);
      for (View& view : batch.views) {
        view.images = view.images.narrow(0, half * kBatch / 2, kBatch / 2);
        view.relative = view.relative.narrow(0, half * kBatch / 2, kBatch / 2);
      }
      sum += alone->Forward(batch).loss.item().toDouble();
    }
    EXPECT_NEAR(pass.loss, sum / 2, 1e-5 * std::abs(sum)) << name;
  }
}

TEST(AccumulateTest, WithOnePartItIsForwardAndBackward) {
  const std::unique_ptr<Method> a = Make("simclr"), b = Make("simclr");
  const BatchPass pass = AccumulateGradients(RandomBatch(1), 1, a.get());
  const MethodOutput output = b->Forward(RandomBatch(1));
  output.loss.backward();
  EXPECT_EQ(pass.loss, output.loss.item().toDouble());
  EXPECT_EQ(GradientDifference(*a, *b), 0);
  EXPECT_TRUE(pass.z1.equal(output.z1));
  EXPECT_FALSE(pass.features1.requires_grad());
}

// Momentum networks, queues and centres move once a step, and see all images.
TEST(AccumulateTest, TheStepOfAMethodIsTakenOnceWithAllImages) {
  for (const std::string& name : MethodNames()) {
    const std::unique_ptr<Method> whole = Make(name), parts = Make(name);
    for (Method* method : {whole.get(), parts.get()}) {
      FixBatchNorm(method);
      method->set_progress(0.25);
      const auto optimizer = MakeOptimizer(v1::TrainingConfig(), method->parameter_groups());
      // The same move of the weights for both, so that only what AfterStep does can differ.
      AccumulateGradients(RandomBatch(1), method == whole.get() ? 1 : 2, method);
      for (const NamedTensor& parameter : method->trained_parameters()) {
        if (parameter.tensor.grad().defined()) parameter.tensor.mutable_grad().fill_(1);
      }
      optimizer->Step(std::vector<double>(optimizer->groups().size(), 0.01));
      method->AfterStep();
      // MoCo-v3 moves its keys in the Forward of the next step.
      AccumulateGradients(RandomBatch(2), method == whole.get() ? 1 : 2, method);
    }
    const std::vector<NamedTensor> a = whole->state(), b = parts->state();
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_LT(LargestDifference(a[i].tensor.to(at::kDouble), b[i].tensor.to(at::kDouble)), 1e-5)
          << name << " " << a[i].name;
    }
  }
}

}  // namespace
}  // namespace cassle
