#include "cassle/models/networks/layers.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/slice.h>
#include <ATen/ops/split.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <vector>

#include "cassle/models/kernels/fused_batch_norm.h"
#include "cassle/models/kernels/small_convolution.h"
#include "cassle/models/kernels/synced_batch_norm.h"
#include "cassle/models/kernels/winograd_convolution.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/runtime/torch_version.h"

namespace cassle {
namespace {

constexpr double kMomentum = 0.1;
constexpr double kEpsilon = 1e-5;

thread_local int64_t group_rows = 0;

// The oneDNN of Debian 12's LibTorch writes past the end of its memory in the backward pass of such
// convolutions (seen with 4 to 8 channels of 56 x 56 pixels, AVX-512; a plain PyTorch script
// crashes, too). They are rare: the shortcuts of very narrow ResNets.
bool DownsamplesFewChannels(const at::Tensor& input, const at::Tensor& weight, int64_t stride,
                            int64_t padding) {
  return stride > 1 && padding == 0 && weight.size(2) == 1 && input.size(1) < 16;
}

// What a 1 x 1 kernel with this stride sees.
at::Tensor SeenPixels(const at::Tensor& input, int64_t stride) {
  return at::slice(at::slice(input, 2, c10::nullopt, c10::nullopt, stride), 3, c10::nullopt,
                   c10::nullopt, stride)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

// Whether the result in bfloat16 is the same with any stride, as it is where a kernel sees one
// pixel and padding. With more than 1 the oneDNN of Debian 12's LibTorch leaves gradients of the
// weight as its memory was (a plain PyTorch script shows it, too): images of 16 pixels below an
// ImageNet stem come to it.
bool SeesOnePixel(const at::Tensor& input, int64_t padding) {
  return padding > 0 && input.size(2) == 1 && input.size(3) == 1;
}

// ReLU(output + residual), in place of the output; the residual may be undefined.
at::Tensor AddAndRelu(at::Tensor output, const at::Tensor& residual) {
  if (residual.defined()) output.add_(residual);
  return at::relu_(output);
}

}  // namespace

Linear::Linear(int64_t in, int64_t out, bool bias)
    : weight_(AddParameter("weight", {out, in}, UniformFanIn(in))) {
  if (bias) bias_ = AddParameter("bias", {out}, UniformFanIn(in));
}

Linear::Linear(int64_t in, int64_t out, InitialValues weight)
    : weight_(AddParameter("weight", {out, in}, weight)),
      bias_(AddParameter("bias", {out}, Constant(0))) {}

at::Tensor Linear::forward(const at::Tensor& input) { return at::linear(input, weight_, bias_); }

Conv2d::Conv2d(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding)
    : weight_(
          AddParameter("weight", {out, in, kernel, kernel}, UniformFanIn(in * kernel * kernel))),
      stride_(stride),
      padding_(padding) {}

at::Tensor Conv2d::forward(const at::Tensor& input) {
  const auto autocast = [&input] { return AutocastEnabled(input.device().type()); };
  if (WinogradConvolutionTakes(input, weight_, stride_, padding_) && !autocast()) {
    return WinogradConvolution(input, weight_);
  }
  if (SmallConvolutionTakes(input, weight_, stride_, padding_)) {
    at::Tensor activations = input, weight = weight_;
    if (autocast()) {
      const c10::DeviceType device = input.device().type();
      for (at::Tensor* tensor : {&activations, &weight}) {
        *tensor = at::autocast::cached_cast(AutocastType(device), *tensor, device);
      }
    }
    return SmallConvolution(activations, weight, stride_, padding_);
  }
  if (DownsamplesFewChannels(input, weight_, stride_, padding_)) {
    return at::conv2d(SeenPixels(input, stride_), weight_);
  }
  // float32 keeps its stride: its gradients are right, and their last bits depend on it. That is
  // asked last: of meta tensors today's LibTorch has no answer.
  const auto in_float = [&] { return input.scalar_type() == at::kFloat && !autocast(); };
  const int64_t stride = SeesOnePixel(input, padding_) && !in_float() ? 1 : stride_;
  return at::conv2d(input, weight_, /*bias=*/{}, stride, padding_);
}

BatchNormGroupScope::BatchNormGroupScope(int64_t rows) : before_(group_rows) { group_rows = rows; }
BatchNormGroupScope::~BatchNormGroupScope() { group_rows = before_; }

BatchNorm::BatchNorm(int64_t channels, Options options) {
  if (options.affine) {
    weight_ = AddParameter("weight", {channels}, Constant(options.initial_weight));
    bias_ = AddParameter("bias", {channels}, Constant(0));
  }
  running_mean_ = AddBuffer("running_mean", {channels}, at::kFloat, 0);
  running_var_ = AddBuffer("running_var", {channels}, at::kFloat, 1);
  num_batches_tracked_ = AddBuffer("num_batches_tracked", {}, at::kLong, 0);
}

void BatchNorm::CountBatch(const at::Tensor& input) {
  TORCH_CHECK(
      input.numel() > input.size(1) || OwnRowsScope::current() != nullptr,
      "batch norm in training mode needs more than one value per channel, got input of size ",
      input.sizes());
  c10::NoGradGuard no_grad;
  num_batches_tracked_.add_(1);
}

at::Tensor BatchNorm::Normalize(const at::Tensor& input, const at::Tensor& residual, bool relu,
                                const at::Tensor& running_mean,
                                const at::Tensor& running_var) const {
  if ((relu || OwnRowsScope::current()) && weight_.defined() && FusedBatchNormTakes(input) &&
      (!residual.defined() ||
       (residual.scalar_type() == input.scalar_type() && FusedBatchNormTakes(residual)))) {
    return FusedBatchNorm(input, residual, weight_, bias_, running_mean, running_var, relu);
  }
  Team* team = OwnRowsScope::current();
  const at::Tensor output =
      team != nullptr
          ? SyncedBatchNorm(input, weight_, bias_, running_mean, running_var, team)
          : at::batch_norm(input, weight_, bias_, running_mean, running_var, /*training=*/true,
                           kMomentum, kEpsilon, /*cudnn_enabled=*/true);
  return relu ? AddAndRelu(output, residual) : output;
}

at::Tensor BatchNorm::InTraining(const at::Tensor& input, const at::Tensor& residual, bool relu) {
  CountBatch(input);
  if (group_rows == 0) return Normalize(input, residual, relu, running_mean_, running_var_);
  TORCH_CHECK(input.size(0) % group_rows == 0, "batch norm in groups of ", group_rows,
              " rows: an input of size ", input.sizes(), " has no whole number of them");
  const OwnRowsScope within_this_rank(nullptr);
  const std::vector<at::Tensor> inputs = at::split(input, group_rows);
  std::vector<at::Tensor> residuals(inputs.size());
  if (residual.defined()) residuals = at::split(residual, group_rows);
  std::vector<at::Tensor> outputs, means, variances;
  for (size_t i = 0; i < inputs.size(); ++i) {
    means.push_back(running_mean_.clone());
    variances.push_back(running_var_.clone());
    outputs.push_back(Normalize(inputs[i], residuals[i], relu, means[i], variances[i]));
  }
  running_mean_.copy_(at::stack(means).mean(0));
  running_var_.copy_(at::stack(variances).mean(0));
  return at::cat(outputs);
}

at::Tensor BatchNorm::forward(const at::Tensor& input) {
  if (is_training()) return InTraining(input, /*residual=*/{}, /*relu=*/false);
  return at::batch_norm(input, weight_, bias_, running_mean_, running_var_, /*training=*/false,
                        kMomentum, kEpsilon, /*cudnn_enabled=*/true);
}

at::Tensor BatchNorm::ForwardRelu(const at::Tensor& input, const at::Tensor& residual) {
  return is_training() ? InTraining(input, residual, /*relu=*/true)
                       : AddAndRelu(forward(input), residual);
}

LayerNorm::LayerNorm(int64_t size, double eps)
    : weight_(AddParameter("weight", {size}, Constant(1))),
      bias_(AddParameter("bias", {size}, Constant(0))),
      eps_(eps) {}

at::Tensor LayerNorm::forward(const at::Tensor& input) {
  // Under autocast what comes out of a convolution is bfloat16, which Debian's LibTorch does not
  // normalise with weights of float32.
  return at::layer_norm(input.to(weight_.scalar_type()), weight_.sizes(), weight_, bias_, eps_);
}

}  // namespace cassle
