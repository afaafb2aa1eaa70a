#include "cassle/models/kernels/small_convolution.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <tuple>

namespace cassle {
namespace {

constexpr int64_t kMostPixels = 7 * 7;
constexpr int64_t kFewestChannels = 256;

int64_t OutputSide(int64_t side, int64_t kernel, int64_t stride, int64_t padding) {
  return (side + 2 * padding - kernel) / stride + 1;
}

at::Tensor ChannelsLast(const at::Tensor& tensor) {
  return tensor.contiguous(at::MemoryFormat::ChannelsLast);
}

// Plain rows of pixels let oneDNN choose its blocked layout; turning so few pixels costs little.
at::Tensor Forward(const at::Tensor& input, const at::Tensor& weight, int64_t stride,
                   int64_t padding) {
  return ChannelsLast(
      at::conv2d(input.contiguous(), weight.contiguous(), /*bias=*/{}, stride, padding));
}

// [B H' W', K K C]: what the kernel sees at every output pixel, channels innermost.
at::Tensor Unfold(const at::Tensor& input, int64_t kernel, int64_t stride, int64_t padding) {
  const at::Tensor padded = at::constant_pad_nd(ChannelsLast(input).permute({0, 2, 3, 1}),
                                                {0, 0, padding, padding, padding, padding})
                                .contiguous();
  const int64_t batch = padded.size(0), height = padded.size(1), width = padded.size(2),
                channels = padded.size(3);
  const int64_t rows = OutputSide(height, kernel, stride, 0),
                columns = OutputSide(width, kernel, stride, 0);
  return padded
      .as_strided({batch, rows, columns, kernel, kernel, channels},
                  {height * width * channels, stride * width * channels, stride * channels,
                   width * channels, channels, 1})
      .reshape({batch * rows * columns, kernel * kernel * channels});
}

at::Tensor Backward(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight,
                    int64_t stride, int64_t padding, std::array<bool, 3> which) {
  const auto gradients = at::convolution_backward(
      gradient, input, weight, /*bias_sizes=*/c10::nullopt, {stride, stride}, {padding, padding},
      /*dilation=*/{1, 1},
      /*transposed=*/false, /*output_padding=*/{0, 0}, /*groups=*/1, which);
  return which[0] ? std::get<0>(gradients) : std::get<1>(gradients);
}

at::Tensor WeightGradient(const at::Tensor& gradient, const at::Tensor& input,
                          const at::Tensor& weight, int64_t stride, int64_t padding) {
  if (input.scalar_type() != at::kBFloat16) {
    return Backward(ChannelsLast(gradient), ChannelsLast(input), ChannelsLast(weight), stride,
                    padding, {false, true, false});
  }
  // One matrix product over all pixels of the batch.
  const int64_t out = weight.size(0), channels = weight.size(1), kernel = weight.size(2);
  const at::Tensor rows = ChannelsLast(gradient).permute({0, 2, 3, 1}).reshape({-1, out});
  return at::mm(rows.t(), Unfold(input, kernel, stride, padding))
      .view({out, kernel, kernel, channels})
      .permute({0, 3, 1, 2});
}

class SmallFunction : public torch::autograd::Function<SmallFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, int64_t stride, int64_t padding) {
    context->save_for_backward({input, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return Forward(input, weight, stride, padding);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1];
    const int64_t stride = context->saved_data["stride"].toInt(),
                  padding = context->saved_data["padding"].toInt();
    const at::Tensor gradient = gradients[0].to(input.scalar_type());
    at::Tensor input_gradient;
    if (context->needs_input_grad(0)) {
      input_gradient =
          ChannelsLast(Backward(gradient.contiguous(), input.contiguous(), weight.contiguous(),
                                stride, padding, {true, false, false}));
    }
    at::Tensor weight_gradient;
    if (context->needs_input_grad(1)) {
      weight_gradient = WeightGradient(gradient, input, weight, stride, padding);
    }
    return {input_gradient, weight_gradient, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool SmallConvolutionTakes(const at::Tensor& input, const at::Tensor& weight, int64_t stride,
                           int64_t padding) {
  const auto type = input.scalar_type();
  if (input.dim() != 4 || !input.device().is_cpu()) return false;
  if (type != at::kFloat && type != at::kBFloat16) return false;
  const int64_t kernel = weight.size(2);
  if (kernel < 3 || weight.size(0) < kFewestChannels || weight.size(1) < kFewestChannels) {
    return false;
  }
  return OutputSide(input.size(2), kernel, stride, padding) *
             OutputSide(input.size(3), kernel, stride, padding) <=
         kMostPixels;
}

at::Tensor SmallConvolution(const at::Tensor& input, const at::Tensor& weight, int64_t stride,
                            int64_t padding) {
  if (!c10::GradMode::is_enabled()) return Forward(input, weight, stride, padding);
  return SmallFunction::apply(input, weight, stride, padding);
}

}  // namespace cassle
