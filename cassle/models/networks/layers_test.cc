#include "cassle/models/networks/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <vector>

#include "cassle/base/philox.h"
#include "cassle/runtime/precision_scope.h"

namespace cassle {
namespace {

double Difference(const at::Tensor& value, const at::Tensor& truth) {
  return ((value.to(at::kDouble) - truth).abs().max() / truth.abs().max()).item().toDouble();
}

// The shortcut of a ResNet of width 0.125 on 224 pixels, whose backward pass crashes in Debian's
// LibTorch; float64 is the truth.
TEST(Conv2dTest, DownsamplesFewChannelsAsLibTorchDoesInFloat64) {
  Conv2d convolution(8, 16, /*kernel=*/1, /*stride=*/2, /*padding=*/0);
  convolution.Initialize(1, "convolution");
  at::Tensor input = at::empty({16, 8, 56, 55}, at::kFloat);
  Philox random(StreamKey{.seed = 5});
  for (int64_t i = 0; i < input.numel(); ++i) input.data_ptr<float>()[i] = random.NextGaussian();
  input = input.contiguous(at::MemoryFormat::ChannelsLast).set_requires_grad(true);
  const at::Tensor weight = convolution.named_parameters()[0].tensor;
  at::Tensor exact_input = input.detach().to(at::kDouble).set_requires_grad(true);
  at::Tensor exact_weight = weight.detach().to(at::kDouble).set_requires_grad(true);

  const at::Tensor output = convolution.forward(input);
  const at::Tensor exact =
      at::conv2d(exact_input, exact_weight, /*bias=*/{}, /*stride=*/at::IntArrayRef{2},
                 /*padding=*/at::IntArrayRef{0});
  EXPECT_EQ(output.sizes(), exact.sizes());
  EXPECT_TRUE(output.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT(Difference(output, exact), 1e-6);
  (output * output).sum().backward();
  (exact * exact).sum().backward();
  EXPECT_LT(Difference(input.grad(), exact_input.grad()), 1e-6);
  EXPECT_LT(Difference(weight.grad(), exact_weight.grad()), 1e-5);
}

at::Tensor Gaussian(at::IntArrayRef sizes, uint64_t seed) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  Philox random(StreamKey{.seed = seed});
  for (int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<float>()[i] = random.NextGaussian();
  return tensor.dim() == 4 ? tensor.contiguous(at::MemoryFormat::ChannelsLast) : tensor;
}

at::Tensor Exact(const at::Tensor& tensor) {
  return tensor.detach().to(at::kDouble).set_requires_grad(true);
}

// The third stage of a ResNet under an ImageNet stem on 16 pixels, in bfloat16: Debian's LibTorch
// leaves what was in the memory. The taps beside the pixel see padding: their gradient is 0.
TEST(Conv2dTest, OverOnePixelTheGradientIsWhole) {
  for (const int64_t kernel : {3, 7}) {
    Conv2d convolution(16, 32, kernel, /*stride=*/2, /*padding=*/kernel / 2);
    convolution.Initialize(1, "convolution");
    const at::Tensor weight = convolution.named_parameters()[0].tensor;
    const at::Tensor input = Gaussian({8, 16, 1, 1}, 5);
    for (int trial = 0; trial < 8; ++trial) {
      // Memory that is used again.
      for (const int64_t side : {1, 4, 32, 64}) {
        at::full({side, 16, kernel, kernel}, 1e30, at::kFloat);
      }
      weight.mutable_grad() = at::Tensor();
      {
        PrecisionScope precision(Precision::kBfloat16, input);
        convolution.forward(input).to(at::kFloat).sum().backward();
      }
      at::Tensor expected = at::zeros(weight.sizes());
      expected.select(3, kernel / 2).select(2, kernel / 2).copy_(input.sum(0).view({1, 16}));
      EXPECT_LT(Difference(weight.grad(), expected.to(at::kDouble)), 0.02) << trial;
    }
  }
}

// 9 rows in groups of 3 against LibTorch's batch norm of each group in float64; with relu a
// residual and ReLU behind it. Sizes without rows.
void ExpectEachGroupApart(std::vector<int64_t> sizes, bool relu) {
  SCOPED_TRACE(testing::Message() << at::IntArrayRef(sizes) << (relu ? " with ReLU" : ""));
  const int64_t channels = sizes[0];
  sizes.insert(sizes.begin(), 9);
  BatchNorm norm(channels);
  norm.Initialize(1);
  const at::Tensor input = Gaussian(sizes, 2).set_requires_grad(true);
  const at::Tensor residual = Gaussian(sizes, 3).set_requires_grad(true);
  const at::Tensor cotangent = Gaussian(sizes, 4);
  const at::Tensor weight = norm.named_parameters()[0].tensor;
  const at::Tensor bias = norm.named_parameters()[1].tensor;
  at::Tensor output;
  {
    const BatchNormGroupScope scope(3);
    output = relu ? norm.ForwardRelu(input, residual) : norm.forward(input);
  }
  output.backward(cotangent);

  const at::Tensor x = Exact(input), shortcut = Exact(residual), w = Exact(weight), b = Exact(bias);
  std::vector<at::Tensor> groups;
  at::Tensor mean = at::zeros({channels}, at::kDouble), variance = mean.clone();
  for (int64_t first = 0; first < 9; first += 3) {
    const at::Tensor running_mean = at::zeros({channels}, at::kDouble);
    const at::Tensor running_var = at::ones({channels}, at::kDouble);
    groups.push_back(at::batch_norm(x.narrow(0, first, 3), w, b, running_mean, running_var,
                                    /*training=*/true, 0.1, 1e-5, /*cudnn_enabled=*/false));
    mean = mean + running_mean / 3;
    variance = variance + running_var / 3;
  }
  at::Tensor truth = at::cat(groups);
  if (relu) truth = at::relu(truth + shortcut);
  truth.backward(cotangent.to(at::kDouble));

  // Of three values that nearly coincide rounding is magnified.
  constexpr double kRounding = 1e-5;
  EXPECT_LT(Difference(output.detach(), truth.detach()), kRounding);
  EXPECT_TRUE(output.is_contiguous(input.suggest_memory_format()));
  EXPECT_LT(Difference(input.grad(), x.grad()), kRounding);
  if (relu) {
    EXPECT_LT(Difference(residual.grad(), shortcut.grad()), kRounding);
  }
  EXPECT_LT(Difference(weight.grad(), w.grad()), kRounding);
  EXPECT_LT(Difference(bias.grad(), b.grad()), kRounding);
  EXPECT_LT(Difference(norm.named_buffers()[0].tensor, mean), 1e-5);
  EXPECT_LT(Difference(norm.named_buffers()[1].tensor, variance), 1e-5);
  EXPECT_EQ(norm.named_buffers()[2].tensor.item().toLong(), 1);
}

TEST(BatchNormTest, InGroupsIsTheBatchNormOfEachGroupApart) {
  ExpectEachGroupApart({5}, /*relu=*/false);
  ExpectEachGroupApart({5, 4, 3}, /*relu=*/false);
  ExpectEachGroupApart({5, 4, 3}, /*relu=*/true);
  // As wide as the fused kernels want it; narrower, where a group is too small for them.
  ExpectEachGroupApart({64, 4, 4}, /*relu=*/true);
  ExpectEachGroupApart({8, 2, 2}, /*relu=*/true);
}

TEST(BatchNormTest, RefusesRowsThatAreNoWholeGroups) {
  BatchNorm norm(3);
  norm.Initialize(1);
  const BatchNormGroupScope scope(4);
  EXPECT_THROW(norm.forward(Gaussian({6, 3}, 1)), c10::Error);
  norm.eval();
  EXPECT_EQ(norm.forward(Gaussian({6, 3}, 1)).size(0), 6);
}

}  // namespace
}  // namespace cassle
