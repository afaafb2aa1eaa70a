#include "cassle/models/networks/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "cassle/base/philox.h"

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

}  // namespace
}  // namespace cassle
