#include "cassle/models/kernels/synced_batch_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "cassle/base/philox.h"
#include "cassle/models/kernels/fused_batch_norm.h"
#include "cassle/runtime/ranks/ranks_testutil.h"
#include "cassle/runtime/ranks/team.h"

namespace cassle {
namespace {

at::Tensor Gaussian(at::IntArrayRef sizes, uint64_t index, at::ScalarType type) {
  Philox random(StreamKey{.seed = 7, .index = index});
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data_ptr<double>()[i] = 3 + random.NextGaussian();
  }
  return tensor.to(type);
}

double Difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return ((x - y).abs().max() / y.abs().max()).item().toDouble();
}

// Input, weight and bias of a test, the batch norm of all rows by LibTorch in float64, and its
// gradients for a fixed cotangent.
struct Truth {
  explicit Truth(std::vector<int64_t> sizes, at::ScalarType type, bool relu)
      : input(Gaussian(sizes, 1, type)),
        weight(Gaussian({sizes[1]}, 2, at::kFloat)),
        bias(Gaussian({sizes[1]}, 3, at::kFloat)),
        cotangent(Gaussian(sizes, 4, type)) {
    x = input.to(at::kDouble).set_requires_grad(true);
    w = weight.to(at::kDouble).set_requires_grad(true);
    b = bias.to(at::kDouble).set_requires_grad(true);
    mean = at::zeros({sizes[1]}, at::kDouble);
    variance = at::ones({sizes[1]}, at::kDouble);
    output = at::batch_norm(x, w, b, mean, variance, true, 0.1, 1e-5, true);
    if (relu) output = at::relu(output);
    output.backward(cotangent.to(at::kDouble));
  }
  at::Tensor input, weight, bias, cotangent, x, w, b, mean, variance, output;
};

using Norm = std::function<at::Tensor(const at::Tensor& input, const at::Tensor& weight,
                                      const at::Tensor& bias, const at::Tensor& mean,
                                      const at::Tensor& variance, Team* team)>;

void ExpectTruth(const Truth& truth, const Norm& norm, double tolerance) {
  const int64_t rows = truth.input.size(0), channels = truth.input.size(1);
  for (const int size : {1, 2, 3, 4}) {
    RunRanks(size, [&](Team* team) {
      const RowRange own = team->OwnRows(rows);
      const auto cut = [&](const at::Tensor& all) {
        const at::Tensor part = all.narrow(0, own.first, own.count);
        return part.dim() == 4 ? part.contiguous(at::MemoryFormat::ChannelsLast)
                               : part.contiguous();
      };
      at::Tensor input = cut(truth.input).detach().clone().set_requires_grad(true);
      at::Tensor weight = truth.weight.clone().set_requires_grad(true);
      at::Tensor bias = truth.bias.clone().set_requires_grad(true);
      const at::Tensor mean = at::zeros({channels}, at::kFloat);
      const at::Tensor variance = at::ones({channels}, at::kFloat);
      const at::Tensor output = norm(input, weight, bias, mean, variance, team);
      EXPECT_LT(Difference(output.detach(), cut(truth.output.detach())), tolerance);
      output.backward(cut(truth.cotangent));
      EXPECT_LT(Difference(input.grad(), cut(truth.x.grad())), tolerance);
      // A rank has its part of these.
      for (auto [part, all] :
           {std::pair(weight.grad(), truth.w.grad()), std::pair(bias.grad(), truth.b.grad())}) {
        team->Sum(part);
        EXPECT_LT(Difference(part, all), tolerance);
      }
      EXPECT_LT(Difference(mean, truth.mean), tolerance);
      EXPECT_LT(Difference(variance, truth.variance), tolerance);
    });
  }
}

at::Tensor Synced(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                  const at::Tensor& mean, const at::Tensor& variance, Team* team) {
  return SyncedBatchNorm(input, weight, bias, mean, variance, team);
}

TEST(SyncedBatchNormTest, EqualsTheBatchNormOfAllRows) {
  ExpectTruth(Truth({7, 5}, at::kFloat, false), Synced, 1e-5);
  ExpectTruth(Truth({4, 3}, at::kDouble, false), Synced, 1e-5);
  ExpectTruth(Truth({5, 6, 3, 4}, at::kFloat, false), Synced, 1e-5);
}

TEST(SyncedBatchNormTest, TheFusedKernelsSeeAllRowsToo) {
  const Norm fused = [](const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                        const at::Tensor& mean, const at::Tensor& variance, Team* team) {
    const OwnRowsScope scope(team);
    return FusedBatchNorm(input, {}, weight, bias, mean, variance, /*relu=*/true);
  };
  ExpectTruth(Truth({5, 64, 4, 4}, at::kFloat, true), fused, 1e-5);
}

}  // namespace
}  // namespace cassle
