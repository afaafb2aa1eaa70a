#include "cassle/models/kernels/winograd_convolution.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "cassle/models/kernels/winograd_kernels.h"

namespace cassle {
namespace {

at::Tensor ChannelsLast(const at::Tensor& tensor) {
  return tensor.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor EmptyImages(int64_t batch, int64_t channels, int64_t height, int64_t width) {
  return at::empty({batch, channels, height, width}, at::kFloat, c10::nullopt, c10::nullopt,
                   c10::nullopt, at::MemoryFormat::ChannelsLast);
}

TiledImage TilesOf(const at::Tensor& images) {
  return {images.size(2), images.size(3), images.size(1)};
}

// Tiles that a thread takes at a time: what they become stays in its cache, and the weights are
// read for many of them. A multiple of what MultiplyPanel holds in registers.
int64_t TilesOfBlock(int64_t tiles, int64_t in, int64_t out) {
  constexpr int64_t kGrain = 48;
  constexpr int64_t kCacheFloats = (1 << 20) / 4;
  const int64_t fitting = kCacheFloats / (kFrequencies * (in + out)) / kGrain * kGrain;
  const int64_t block = std::clamp<int64_t>(fitting, kGrain, 4 * kGrain);
  // Every thread gets as much as the others.
  const int64_t threads = at::get_num_threads();
  const int64_t rounds = std::max<int64_t>(1, (tiles + block * threads - 1) / (block * threads));
  return std::max<int64_t>(1, (tiles + rounds * threads - 1) / (rounds * threads));
}

// [36] panelled matrices [in, out] of weight [out, in, 3, 3]; of the transposed convolution (in and
// out change places, kernels are turned) if `turned`.
at::Tensor Frequencies(const at::Tensor& weight, bool turned) {
  const at::Tensor plain = weight.contiguous();
  const int64_t rows = plain.size(0), columns = plain.size(1);
  const int64_t out = turned ? columns : rows, in = turned ? rows : columns;
  at::Tensor transformed = at::empty({kFrequencies, in, out}, at::kFloat);
  const float* from = plain.data_ptr<float>();
  float* to = transformed.data_ptr<float>();
  at::parallel_for(0, out / kPanel, 1, [&](int64_t first, int64_t last) {
    TransformWeights(from, out, in, turned ? 9 : columns * 9, turned ? columns * 9 : 9, turned,
                     first, last, to);
  });
  return transformed;
}

// The convolution of images [B, C, H, W] with [36] panelled matrices [C, out].
at::Tensor Convolve(const at::Tensor& images, const at::Tensor& frequencies) {
  const int64_t batch = images.size(0), in = images.size(1), out = frequencies.size(2);
  at::Tensor output = EmptyImages(batch, out, images.size(2), images.size(3));
  const TiledImage from = TilesOf(images), to = TilesOf(output);
  const int64_t tiles = batch * from.tiles();
  const int64_t block = TilesOfBlock(tiles, in, out);
  const float* pixels = images.data_ptr<float>();
  const float* weights = frequencies.data_ptr<float>();
  float* results = output.data_ptr<float>();
  const TileStrides in_strides{block * in, in, kPanel}, out_strides{block * out, out, kPanel};
  at::parallel_for(0, (tiles + block - 1) / block, 1, [&](int64_t first, int64_t last) {
    const at::Tensor memory = at::empty({kFrequencies * block * (in + out)}, at::kFloat);
    float* const transformed = memory.data_ptr<float>();
    float* const products = transformed + kFrequencies * block * in;
    for (int64_t b = first; b < last; ++b) {
      const int64_t begin = b * block, end = std::min(begin + block, tiles);
      TransformInputTiles(from, pixels, begin, end, in_strides, transformed);
      for (int64_t f = 0; f < kFrequencies; ++f) {
        for (int64_t panel = 0; panel < out / kPanel; ++panel) {
          MultiplyPanel(transformed + f * block * in, in, 1,
                        weights + (f * out / kPanel + panel) * in * kPanel, end - begin, in,
                        products + f * block * out + panel * kPanel, out, /*accumulate=*/false);
        }
      }
      StoreOutputTiles(to, products, out_strides, begin, end, results);
    }
  });
  return output;
}

// The gradient of the weights, [out, in, 3, 3]. Tiles are taken in blocks of a size that does not
// depend on threads, one after the other; within one, threads share the tiles and then the
// frequencies.
at::Tensor WeightGradient(const at::Tensor& gradient, const at::Tensor& images) {
  const int64_t in = images.size(1), out = gradient.size(1);
  const TiledImage from = TilesOf(images), to = TilesOf(gradient);
  const int64_t tiles = images.size(0) * from.tiles();
  constexpr int64_t kBlockFloats = (4 << 20) / 4;
  const int64_t block =
      std::min(tiles, std::clamp<int64_t>(kBlockFloats / (kFrequencies * (in + out)), 96, 512));
  const at::Tensor memory = at::empty({kFrequencies * block * (in + out)}, at::kFloat);
  float* const transformed = memory.data_ptr<float>();
  float* const gradients = transformed + kFrequencies * block * in;
  const TileStrides in_strides{block * in, kPanel, block * kPanel},
      out_strides{block * out, kPanel, block * kPanel};
  at::Tensor sums = at::empty({kFrequencies, in, out}, at::kFloat);
  float* const products = sums.data_ptr<float>();
  const float *pixels = images.data_ptr<float>(), *dy = gradient.data_ptr<float>();
  for (int64_t begin = 0; begin < tiles; begin += block) {
    const int64_t count = std::min(block, tiles - begin);
    at::parallel_for(0, count, 8, [&](int64_t first, int64_t last) {
      TransformInputTiles(from, pixels, begin + first, begin + last, in_strides,
                          transformed + first * kPanel);
      TransformGradientTiles(to, dy, begin + first, begin + last, out_strides,
                             gradients + first * kPanel);
    });
    const int64_t panels = in / kPanel;
    at::parallel_for(0, kFrequencies * panels, 1, [&](int64_t first, int64_t last) {
      for (int64_t task = first; task < last; ++task) {
        const int64_t f = task / panels, rows = task % panels;
        const float* const a = transformed + f * block * in + rows * block * kPanel;
        for (int64_t panel = 0; panel < out / kPanel; ++panel) {
          MultiplyPanel(a, 1, kPanel, gradients + f * block * out + panel * block * kPanel, kPanel,
                        count, products + f * in * out + (panel * in + rows * kPanel) * kPanel,
                        kPanel, /*accumulate=*/begin > 0);
        }
      }
    });
  }
  at::Tensor weight_gradient = at::empty({out, in, 3, 3}, at::kFloat);
  float* const result = weight_gradient.data_ptr<float>();
  at::parallel_for(0, out / kPanel, 1, [&](int64_t first, int64_t last) {
    TransformWeightGradients(products, out, in, first, last, result);
  });
  return weight_gradient;
}

class WinogradFunction : public torch::autograd::Function<WinogradFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight) {
    context->save_for_backward({input, weight});
    return Convolve(input, Frequencies(weight, /*turned=*/false));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor gradient = ChannelsLast(gradients[0]);
    at::Tensor input_gradient, weight_gradient;
    if (context->needs_input_grad(0)) {
      input_gradient = Convolve(gradient, Frequencies(saved[1], /*turned=*/true));
    }
    if (context->needs_input_grad(1)) weight_gradient = WeightGradient(gradient, saved[0]);
    return {input_gradient, weight_gradient};
  }
};

}  // namespace

bool WinogradConvolutionTakes(const at::Tensor& input, const at::Tensor& weight, int64_t stride,
                              int64_t padding) {
  if (input.dim() != 4 || !input.device().is_cpu() || input.scalar_type() != at::kFloat ||
      weight.scalar_type() != at::kFloat || stride != 1 || padding != 1 || weight.size(2) != 3 ||
      weight.size(3) != 3 || input.size(1) % kPanel != 0 || weight.size(0) % kPanel != 0 ||
      input.numel() == 0 || !input.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return false;
  }
  const TiledImage image = TilesOf(input);
  return image.tiles() * kTile * kTile <= 2 * image.height * image.width;
}

at::Tensor WinogradConvolution(const at::Tensor& input, const at::Tensor& weight) {
  if (!c10::GradMode::is_enabled()) return Convolve(input, Frequencies(weight, /*turned=*/false));
  return WinogradFunction::apply(input, weight);
}

}  // namespace cassle
