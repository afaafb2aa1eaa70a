#include "cassle/models/kernels/synced_batch_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/var_mean.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <tuple>
#include <vector>

namespace cassle {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;

// All dimensions but the channels'.
std::vector<int64_t> RowDimensions(const at::Tensor& input) {
  std::vector<int64_t> dimensions = {0};
  for (int64_t d = 2; d < input.dim(); ++d) dimensions.push_back(d);
  return dimensions;
}

// [C] -> [1, C, 1, 1] or [1, C].
at::Tensor PerChannel(const at::Tensor& values, const at::Tensor& like) {
  std::vector<int64_t> sizes(like.dim(), 1);
  sizes[1] = values.size(0);
  return values.view(sizes);
}

// float32 at least.
at::Tensor Wide(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kDouble ? tensor : tensor.to(at::kFloat);
}

struct Moments {
  // [C] float64
  at::Tensor mean, variance;
  // Values per channel, of all ranks.
  double rows = 0;
};

Moments MomentsOfAllRanks(const at::Tensor& input, Team* team) {
  const int64_t channels = input.size(1);
  auto [variance, mean] = at::var_mean(Wide(input), RowDimensions(input), /*unbiased=*/false);
  variance = variance.to(at::kDouble);
  mean = mean.to(at::kDouble);
  const double own = static_cast<double>(input.numel() / channels);
  const at::Tensor sums =
      at::cat({mean * own, (variance + mean * mean) * own, at::full({1}, own, mean.options())});
  team->Sum(sums);
  Moments moments;
  moments.rows = sums[2 * channels].item().toDouble();
  moments.mean = sums.narrow(0, 0, channels) / moments.rows;
  moments.variance =
      (sums.narrow(0, channels, channels) / moments.rows - moments.mean * moments.mean)
          .clamp_min(0);
  return moments;
}

class SyncedFunction : public torch::autograd::Function<SyncedFunction> {
 public:
  // mean, inverse_deviation [C], of the input's wide type.
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& mean, const at::Tensor& inverse_deviation,
                            double rows, int64_t team) {
    context->save_for_backward({input, weight, mean, inverse_deviation});
    context->saved_data["rows"] = rows;
    context->saved_data["team"] = team;
    const at::Tensor scale = weight * inverse_deviation;
    const at::Tensor offset = bias - mean * scale;
    return (Wide(input) * PerChannel(scale, input) + PerChannel(offset, input))
        .to(input.scalar_type());
  }

  // xhat = (x - mean) s;  dx = w s (dy - sum dy / n - xhat sum(dy xhat) / n)
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1], &mean = saved[2], &inverse = saved[3];
    const double rows = context->saved_data["rows"].toDouble();
    Team* team = reinterpret_cast<Team*>(context->saved_data["team"].toInt());
    const at::Tensor dy = Wide(gradients[0]);
    const at::Tensor xhat = (Wide(input) - PerChannel(mean, input)) * PerChannel(inverse, input);
    const std::vector<int64_t> dimensions = RowDimensions(input);
    const at::Tensor own_sum = at::sum(dy, dimensions),
                     own_product = at::sum(dy * xhat, dimensions);
    const at::Tensor sums = at::cat({own_sum, own_product}).to(at::kDouble);
    team->Sum(sums);
    const int64_t channels = input.size(1);
    const at::Tensor means = (sums / rows).to(dy.scalar_type());
    const at::Tensor dx = PerChannel(weight * inverse, input) *
                          (dy - PerChannel(means.narrow(0, 0, channels), input) -
                           xhat * PerChannel(means.narrow(0, channels, channels), input));
    return {dx.to(input.scalar_type()),
            own_product,
            own_sum,
            at::Tensor(),
            at::Tensor(),
            at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor SyncedBatchNorm(const at::Tensor& input, const at::Tensor& weight,
                           const at::Tensor& bias, const at::Tensor& running_mean,
                           const at::Tensor& running_var, Team* team) {
  at::Tensor mean, inverse;
  double rows = 0;
  {
    const c10::NoGradGuard no_grad;
    const Moments moments = MomentsOfAllRanks(input, team);
    rows = moments.rows;
    const at::Tensor unbiased = moments.variance * (rows / (rows - 1));
    running_mean.add_((moments.mean - running_mean) * kMomentum);
    running_var.add_((unbiased - running_var) * kMomentum);
    const auto type = Wide(input).scalar_type();
    mean = moments.mean.to(type);
    inverse = (moments.variance + kEpsilon).rsqrt().to(type);
  }
  const at::Tensor scale = weight.defined() ? weight.to(mean.scalar_type()) : at::ones_like(mean);
  const at::Tensor offset = bias.defined() ? bias.to(mean.scalar_type()) : at::zeros_like(mean);
  return SyncedFunction::apply(input, scale, offset, mean, inverse, rows,
                               reinterpret_cast<int64_t>(team));
}

}  // namespace cassle
