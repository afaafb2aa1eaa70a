#include "cassle/models/kernels/small_convolution.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "cassle/base/philox.h"
#include "cassle/runtime/precision.h"

namespace cassle {
namespace {

at::Tensor Gaussian(at::IntArrayRef sizes, uint64_t index, double deviation, at::ScalarType type) {
  Philox random(StreamKey{.seed = 5, .index = index});
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data_ptr<float>()[i] = deviation * random.NextGaussian();
  }
  return tensor.to(type);
}

// The largest difference, in units of the largest value.
double Difference(const at::Tensor& value, const at::Tensor& truth) {
  return ((value.to(at::kDouble) - truth).abs().max() / truth.abs().max()).item().toDouble();
}

struct Case {
  int64_t in, out, height, width, kernel, stride, padding;
};

class SmallConvolutionTest : public ::testing::TestWithParam<std::tuple<Case, at::ScalarType>> {};

// at::conv2d in float64 on the same (rounded) numbers is the truth.
TEST_P(SmallConvolutionTest, ValuesAndGradientsEqualLibTorchInFloat64) {
  const auto& [c, type] = GetParam();
  if (type == at::kBFloat16 && ProcessorBfloat16() == Bfloat16Support::kNone) {
    GTEST_SKIP() << "bfloat16 convolutions need a processor with AVX-512";
  }
  at::Tensor input =
      Gaussian({3, c.in, c.height, c.width}, 1, 1, type).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor weight = Gaussian({c.out, c.in, c.kernel, c.kernel}, 2, 0.02, type);
  ASSERT_TRUE(SmallConvolutionTakes(input, weight, c.stride, c.padding));
  at::Tensor exact_input = input.to(at::kDouble), exact_weight = weight.to(at::kDouble);
  for (at::Tensor* tensor : {&input, &weight, &exact_input, &exact_weight}) {
    tensor->set_requires_grad(true);
  }
  const at::Tensor expected =
      at::conv2d(exact_input, exact_weight, /*bias=*/{}, c.stride, c.padding);
  const at::Tensor output = SmallConvolution(input, weight, c.stride, c.padding);
  ASSERT_EQ(output.sizes(), expected.sizes());
  EXPECT_EQ(output.scalar_type(), type);
  EXPECT_TRUE(output.is_contiguous(at::MemoryFormat::ChannelsLast));
  const at::Tensor cotangent = Gaussian(output.sizes(), 3, 1, type);
  at::sum(expected * cotangent.to(at::kDouble)).backward();
  output.backward(cotangent);
  // Sums are float32: n products added one after another, in the order of the instruction set, err
  // by about sqrt(n) half steps. bfloat16 results are rounded to 8 binary digits at the end.
  const double products = std::max(c.in, c.out) * c.kernel * c.kernel;
  const double tolerance = type == at::kFloat ? std::sqrt(products) * 0x1p-24 : 1.0 / 256;
  EXPECT_LE(Difference(output.detach(), expected.detach()), tolerance);
  EXPECT_LE(Difference(input.grad(), exact_input.grad()), tolerance);
  EXPECT_LE(Difference(weight.grad(), exact_weight.grad()), tolerance);
  EXPECT_EQ(weight.grad().scalar_type(), type);

  // Without gradients and once more: the same bits.
  c10::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(output, SmallConvolution(input, weight, c.stride, c.padding)));
}

INSTANTIATE_TEST_SUITE_P(Shapes, SmallConvolutionTest,
                         ::testing::Combine(::testing::Values(Case{256, 256, 4, 4, 3, 1, 1},
                                                              Case{256, 512, 8, 8, 3, 2, 1},
                                                              Case{256, 256, 5, 7, 3, 2, 1},
                                                              Case{256, 320, 7, 3, 3, 1, 0},
                                                              Case{256, 256, 9, 9, 5, 3, 2}),
                                            ::testing::Values(at::kFloat, at::kBFloat16)));

TEST(SmallConvolutionInputTest, OnlyTheInputIsAskedFor) {
  at::Tensor input = Gaussian({2, 256, 4, 4}, 1, 1, at::kFloat).set_requires_grad(true);
  const at::Tensor weight = Gaussian({256, 256, 3, 3}, 2, 0.02, at::kFloat);
  at::sum(SmallConvolution(input, weight, 1, 1)).backward();
  EXPECT_TRUE(input.grad().defined());
  EXPECT_FALSE(weight.grad().defined());
}

TEST(SmallConvolutionInputTest, TakesManyChannelsOverFewPixels) {
  const auto takes = [](int64_t in, int64_t out, int64_t side, int64_t kernel, int64_t stride,
                        at::ScalarType type = at::kFloat) {
    return SmallConvolutionTakes(at::empty({1, in, side, side}, type),
                                 at::empty({out, in, kernel, kernel}, type), stride, kernel / 2);
  };
  EXPECT_TRUE(takes(512, 512, 4, 3, 1));
  EXPECT_TRUE(takes(512, 512, 14, 3, 2));
  EXPECT_TRUE(takes(512, 512, 7, 3, 1, at::kBFloat16));
  EXPECT_FALSE(takes(512, 512, 8, 3, 1));
  EXPECT_FALSE(takes(512, 512, 4, 1, 1));
  EXPECT_FALSE(takes(128, 512, 4, 3, 1));
  EXPECT_FALSE(takes(512, 128, 4, 3, 1));
  EXPECT_FALSE(takes(512, 512, 4, 3, 1, at::kDouble));
}

}  // namespace
}  // namespace cassle
