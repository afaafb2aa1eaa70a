#include "cassle/models/kernels/fused_batch_norm.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "cassle/base/philox.h"

namespace cassle {
namespace {

// bfloat16 keeps 8 binary digits: rounding moves a value by at most 2^-8 of it. float32's rounding
// is in the allowance for the terms.
double HalfStep(at::ScalarType type) { return type == at::kBFloat16 ? 1.0 / 256 : 0; }

at::Tensor Gaussian(at::IntArrayRef sizes, uint64_t index, double mean, double deviation) {
  Philox random(StreamKey{.seed = 3, .index = index});
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data_ptr<float>()[i] = mean + deviation * random.NextGaussian();
  }
  return tensor;
}

at::Tensor Image(at::IntArrayRef sizes, uint64_t index, double mean,
                 at::ScalarType type = at::kBFloat16) {
  return Gaussian(sizes, index, mean, 1.0).to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

double Largest(const at::Tensor& tensor) { return tensor.detach().abs().max().item<double>(); }

struct Case {
  int64_t channels;
  int64_t batch;
  int64_t side;
  bool residual;
  bool relu;
  // Of the input: far from zero, sums of squares would lose everything.
  double mean;
};

class FusedBatchNormTest : public testing::TestWithParam<std::tuple<Case, at::ScalarType>> {};

// LibTorch's batch norm in float64 on the same (rounded) input is the truth.
TEST_P(FusedBatchNormTest, ValuesGradientsAndStatisticsEqualLibTorchInFloat64) {
  const auto& [c, type] = GetParam();
  const double half_step = HalfStep(type);
  const std::vector<int64_t> sizes = {c.batch, c.channels, c.side, c.side};
  at::Tensor input = Image(sizes, 1, c.mean, type), residual = Image(sizes, 2, 0.2, type);
  at::Tensor weight = Gaussian({c.channels}, 3, 1, 0.3), bias = Gaussian({c.channels}, 4, 0, 0.3);
  const at::Tensor cotangent = Image(sizes, 5, 0.1, type);
  at::Tensor mean = Gaussian({c.channels}, 6, 0, 1),
             variance = at::full({c.channels}, 2, at::kFloat);

  at::Tensor exact[] = {input.to(at::kDouble), residual.to(at::kDouble), weight.to(at::kDouble),
                        bias.to(at::kDouble)};
  at::Tensor exact_mean = mean.to(at::kDouble), exact_variance = variance.to(at::kDouble);
  for (at::Tensor& tensor : exact) tensor.set_requires_grad(true);
  at::Tensor expected = at::batch_norm(exact[0], exact[2], exact[3], exact_mean, exact_variance,
                                       true, 0.1, 1e-5, false);
  if (c.residual) expected = expected + exact[1];
  if (c.relu) expected = at::relu(expected);
  at::sum(expected * cotangent.to(at::kDouble)).backward();

  at::Tensor inputs[] = {input, residual, weight, bias};
  for (at::Tensor& tensor : inputs) tensor.set_requires_grad(true);
  ASSERT_TRUE(FusedBatchNormTakes(input));
  const at::Tensor output = FusedBatchNorm(input, c.residual ? residual : at::Tensor(), weight,
                                           bias, mean, variance, c.relu);
  at::sum(output.to(at::kFloat) * cotangent.to(at::kFloat)).backward();

  const auto difference = [](const at::Tensor& a, const at::Tensor& b) {
    return (a.to(at::kDouble) - b).abs().detach();
  };
  // Each value within half a step of its own size, and float32 rounding of the size of the terms.
  const double rounding = 1e-6 * (1 + std::abs(c.mean));
  EXPECT_LE(Largest((difference(output, expected) - half_step * expected.abs()).clamp_min(0)),
            4 * rounding);
  EXPECT_LE(Largest(difference(mean, exact_mean)), rounding);
  EXPECT_LE(Largest(difference(variance, exact_variance)), 4 * rounding);
  for (int i : {0, 1}) {
    if (i == 1 && !c.residual) continue;
    const at::Tensor truth = exact[i].grad();
    EXPECT_LE(Largest((difference(inputs[i].grad(), truth) - half_step * truth.abs()).clamp_min(0)),
              4 * rounding)
        << i;
  }
  for (int i : {2, 3}) {
    EXPECT_LE(Largest(difference(inputs[i].grad(), exact[i].grad())),
              10 * rounding * Largest(exact[i].grad()))
        << i;
  }

  // Without gradients the same values; with more threads the same bits.
  at::set_num_threads(2);
  c10::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(output, FusedBatchNorm(input, c.residual ? residual : at::Tensor(), weight,
                                               bias, mean, variance, c.relu)));
  at::set_num_threads(1);
}

INSTANTIATE_TEST_SUITE_P(Shapes, FusedBatchNormTest,
                         testing::Combine(testing::Values(Case{16, 6, 8, false, true, 0.3},
                                                          Case{16, 6, 8, true, true, 0.3},
                                                          Case{8, 8, 1, true, true, -0.5},
                                                          Case{64, 5, 7, true, true, 0},
                                                          Case{192, 3, 3, true, true, 0.1},
                                                          Case{192, 3, 3, false, false, 0.1},
                                                          Case{32, 7, 4, true, false, 0.1},
                                                          Case{32, 64, 8, false, true, 30}),
                                          testing::Values(at::kFloat, at::kBFloat16)));

TEST(FusedBatchNormInputTest, OnlyWhatTheKernelsCanReadIsTaken) {
  EXPECT_TRUE(FusedBatchNormTakes(Image({2, 16, 4, 4}, 1, 0)));
  EXPECT_TRUE(FusedBatchNormTakes(Image({2, 16, 4, 4}, 1, 0, at::kFloat)));
  EXPECT_FALSE(FusedBatchNormTakes(Image({2, 16, 4, 4}, 1, 0, at::kDouble)));
  EXPECT_FALSE(FusedBatchNormTakes(Image({2, 16, 4, 4}, 1, 0).contiguous()));
  EXPECT_FALSE(FusedBatchNormTakes(Image({2, 24, 4, 4}, 1, 0)));
  EXPECT_FALSE(FusedBatchNormTakes(Image({2, 96, 4, 4}, 1, 0)));
  // 9 rows of 16 channels are no whole number of 64.
  EXPECT_FALSE(FusedBatchNormTakes(Image({1, 16, 3, 3}, 1, 0)));
}

TEST(FusedBatchNormInputTest, WhatDoesNotFitThrows) {
  const at::Tensor input = Image({2, 64, 4, 4}, 1, 0);
  const at::Tensor right = at::zeros({64}), wrong = at::zeros({32});
  EXPECT_THROW(FusedBatchNorm(input, {}, wrong, right, right, right, true), c10::Error);
  EXPECT_THROW(FusedBatchNorm(input, Image({2, 64, 2, 2}, 1, 0), right, right, right, right, true),
               c10::Error);
  EXPECT_THROW(FusedBatchNorm(input, Image({2, 64, 4, 4}, 1, 0, at::kFloat), right, right, right,
                              right, true),
               c10::Error);
  EXPECT_THROW(FusedBatchNorm(Image({1, 64, 1, 1}, 1, 0), {}, right, right, right, right, true),
               c10::Error);
}

TEST(FusedBatchNormInputTest, NotANumberIsNotHiddenByTheRelu) {
  at::Tensor input = Image({2, 64, 4, 4}, 1, 0);
  input[0][3][0][0] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor one = at::full({64}, 1, at::kFloat);
  const at::Tensor output =
      FusedBatchNorm(input, {}, one, one, at::zeros({64}), at::zeros({64}), true);
  EXPECT_TRUE(std::isnan(output[1][3][2][2].item<float>()));
  EXPECT_FALSE(std::isnan(output[1][4][2][2].item<float>()));
}

}  // namespace
}  // namespace cassle
