// Convolution with 3 x 3 kernels in float32 on CPUs by Winograd's minimal filtering F(4x4, 3x3)
// (winograd_kernels.h): a quarter of the multiplications of a direct sum, forward and backward.
//
// Why: most of the time of a ResNet's training is such convolutions, and the direct kernels of
// oneDNN (2.6 of Debian, 3.13 of PyTorch 2.15 alike) already run at 70 to 90 % of what a processor
// multiplies and adds; oneDNN has no Winograd for AVX2. Measured in docs/benchmarks.md.
#ifndef CASSLE_MODELS_KERNELS_WINOGRAD_CONVOLUTION_H_
#define CASSLE_MODELS_KERNELS_WINOGRAD_CONVOLUTION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cassle {

// Whether WinogradConvolution takes it, and is the faster one: float32 on a CPU, channels-last
// [B, C, H, W] and [O, C, 3, 3], stride 1, padding 1, C and O multiples of 16, tiles of 4 x 4 that
// are mostly filled.
bool WinogradConvolutionTakes(const at::Tensor& input, const at::Tensor& weight, int64_t stride,
                              int64_t padding);

// input   [B, C, H, W], channels-last.
// weight  [O, C, 3, 3].
// Returns [B, O, H, W], channels-last: at::conv2d's values but for rounding (root mean square 2e-6
// of the values'). Differentiable. The number of threads changes no bit.
at::Tensor WinogradConvolution(const at::Tensor& input, const at::Tensor& weight);

}  // namespace cassle

#endif  // CASSLE_MODELS_KERNELS_WINOGRAD_CONVOLUTION_H_
