#include "cassle/models/kernels/winograd_convolution.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "cassle/base/philox.h"
#include "hwy/highway.h"

namespace cassle {
namespace {

at::Tensor Gaussian(at::IntArrayRef sizes, uint64_t index, double deviation) {
  Philox random(StreamKey{.seed = 7, .index = index});
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data_ptr<float>()[i] = deviation * random.NextGaussian();
  }
  return tensor;
}

at::Tensor Images(at::IntArrayRef sizes, uint64_t index) {
  return Gaussian(sizes, index, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

// Root mean square of the differences, in units of that of the truth.
double Difference(const at::Tensor& value, const at::Tensor& truth) {
  const at::Tensor difference = value.to(at::kDouble) - truth;
  return (at::sum(difference * difference) / at::sum(truth * truth)).sqrt().item().toDouble();
}

struct Case {
  int64_t batch, in, out, height, width;
};

struct Results {
  at::Tensor output, input_gradient, weight_gradient;
};

Results Both(const Case& c) {
  at::Tensor input = Images({c.batch, c.in, c.height, c.width}, 1);
  at::Tensor weight = Gaussian({c.out, c.in, 3, 3}, 2, 0.1);
  EXPECT_TRUE(WinogradConvolutionTakes(input, weight, 1, 1));
  input.set_requires_grad(true);
  weight.set_requires_grad(true);
  const at::Tensor output = WinogradConvolution(input, weight);
  // As it comes from LibTorch's own operations: not channels-last.
  output.backward(Gaussian(output.sizes(), 3, 1));
  return {output.detach(), input.grad(), weight.grad()};
}

class WinogradConvolutionTest : public ::testing::TestWithParam<Case> {};

// at::conv2d in float64 on the same numbers is the truth.
TEST_P(WinogradConvolutionTest, ValuesAndGradientsEqualLibTorchInFloat64) {
  const Case& c = GetParam();
  const Results results = Both(c);
  at::Tensor input = Images({c.batch, c.in, c.height, c.width}, 1).to(at::kDouble);
  at::Tensor weight = Gaussian({c.out, c.in, 3, 3}, 2, 0.1).to(at::kDouble);
  input.set_requires_grad(true);
  weight.set_requires_grad(true);
  const at::Tensor expected = at::conv2d(input, weight, /*bias=*/{}, 1, 1);
  expected.backward(Gaussian(expected.sizes(), 3, 1).to(at::kDouble));
  ASSERT_EQ(results.output.sizes(), expected.sizes());
  EXPECT_TRUE(results.output.is_contiguous(at::MemoryFormat::ChannelsLast));
  // float32's rounding is 6e-8; a direct sum of these lengths is off by 3e-7 to 7e-7 of it, the
  // transforms double that (winograd_kernels.h).
  EXPECT_LE(Difference(results.output, expected.detach()), 2e-6);
  EXPECT_LE(Difference(results.input_gradient, input.grad()), 2e-6);
  // Sums over all pixels of the batch, 17,408 in the longest case.
  EXPECT_LE(Difference(results.weight_gradient, weight.grad()), 5e-6);
}

TEST_P(WinogradConvolutionTest, NeitherThreadsNorRepetitionNorGradientsChangeABit) {
  const Case& c = GetParam();
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Results one = Both(c);
  for (int count : {1, 2, 3}) {
    at::set_num_threads(count);
    const Results other = Both(c);
    EXPECT_TRUE(at::equal(other.output, one.output)) << count;
    EXPECT_TRUE(at::equal(other.input_gradient, one.input_gradient)) << count;
    EXPECT_TRUE(at::equal(other.weight_gradient, one.weight_gradient)) << count;
  }
  at::set_num_threads(threads);
  const c10::NoGradGuard no_grad;
  const at::Tensor output = WinogradConvolution(Images({c.batch, c.in, c.height, c.width}, 1),
                                                Gaussian({c.out, c.in, 3, 3}, 2, 0.1));
  EXPECT_TRUE(at::equal(output, one.output));
}

// What another processor would compute: fused multiply-adds or not, other lengths of vectors.
TEST_P(WinogradConvolutionTest, EveryVectorUnitGivesTheSameButForRounding) {
  const Results best = Both(GetParam());
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    const Results other = Both(GetParam());
    EXPECT_LE(Difference(other.output, best.output.to(at::kDouble)), 4e-6) << target;
    EXPECT_LE(Difference(other.input_gradient, best.input_gradient.to(at::kDouble)), 4e-6)
        << target;
    EXPECT_LE(Difference(other.weight_gradient, best.weight_gradient.to(at::kDouble)), 6e-6)
        << target;
  }
  hwy::SetSupportedTargetsForTest(0);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, WinogradConvolutionTest,
    ::testing::Values(Case{2, 16, 16, 8, 8}, Case{3, 32, 48, 7, 9}, Case{1, 48, 32, 14, 13},
                      // More tiles than a block of the weight's gradient takes.
                      Case{17, 16, 32, 32, 32}, Case{2, 256, 128, 4, 4}),
    [](const auto& info) {
      const Case& c = info.param;
      return std::to_string(c.in) + "to" + std::to_string(c.out) + "of" + std::to_string(c.height) +
             "x" + std::to_string(c.width);
    });

TEST(WinogradConvolutionInputTest, OneBrightPixelShowsTheKernel) {
  at::Tensor input = Images({1, 16, 8, 8}, 1).zero_();
  input[0][3][4][5] = 1;
  const at::Tensor weight = Gaussian({16, 16, 3, 3}, 2, 1);
  const c10::NoGradGuard no_grad;
  const at::Tensor output = WinogradConvolution(input, weight);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      const int ky = 4 - y + 1, kx = 5 - x + 1;
      const bool seen = ky >= 0 && ky < 3 && kx >= 0 && kx < 3;
      const double expected = seen ? weight[7][3][ky][kx].item().toDouble() : 0;
      EXPECT_NEAR(output[0][7][y][x].item().toDouble(), expected, 1e-5) << y << " " << x;
    }
  }
}

TEST(WinogradConvolutionInputTest, TakesOnlyWhatItIsMadeFor) {
  const at::Tensor weight = Gaussian({32, 16, 3, 3}, 1, 1);
  const at::Tensor input = Images({2, 16, 8, 8}, 2);
  EXPECT_TRUE(WinogradConvolutionTakes(input, weight, 1, 1));
  EXPECT_FALSE(WinogradConvolutionTakes(input, weight, 2, 1));
  EXPECT_FALSE(WinogradConvolutionTakes(input, weight, 1, 0));
  EXPECT_FALSE(WinogradConvolutionTakes(input.to(at::kBFloat16), weight, 1, 1));
  EXPECT_FALSE(WinogradConvolutionTakes(input.contiguous(), weight, 1, 1));
  EXPECT_FALSE(WinogradConvolutionTakes(Images({2, 8, 8, 8}, 2), weight, 1, 1));
  EXPECT_FALSE(WinogradConvolutionTakes(input, Gaussian({24, 16, 3, 3}, 1, 1), 1, 1));
  EXPECT_FALSE(WinogradConvolutionTakes(input, Gaussian({32, 16, 1, 1}, 1, 1), 1, 1));
  // Tiles would be more than half empty.
  EXPECT_FALSE(WinogradConvolutionTakes(Images({2, 16, 2, 2}, 2), weight, 1, 1));
}

TEST(WinogradConvolutionInputTest, OnlyTheInputIsAskedFor) {
  const at::Tensor weight = Gaussian({16, 16, 3, 3}, 1, 1);
  at::Tensor input = Images({1, 16, 8, 8}, 2);
  input.set_requires_grad(true);
  at::sum(WinogradConvolution(input, weight)).backward();
  EXPECT_TRUE(input.grad().defined());
  EXPECT_FALSE(weight.grad().defined());
}

}  // namespace
}  // namespace cassle
