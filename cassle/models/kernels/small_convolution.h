// Convolution of many channels over few pixels (the last stage of a ResNet), where oneDNN's
// channels-last kernels are at half of the speed they have elsewhere: measured on 128 images of
// 4 x 4 pixels, 512 channels, kernel 3, two cores with AVX-512 (ms, docs/benchmarks.md):
//
//                   forward      input gradient   weight gradient
//   channels-last   40.8  16.1   28.7  11.1       25.9  29.2        float32  bfloat16
//   here            28.4   9.1   21.4  10.8       25.9  15.2 + unfolding
#ifndef CASSLE_MODELS_KERNELS_SMALL_CONVOLUTION_H_
#define CASSLE_MODELS_KERNELS_SMALL_CONVOLUTION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cassle {

// Whether SmallConvolution is the faster one: float32 or bfloat16 on a CPU, a kernel of at least
// 3 x 3, at most 7 x 7 pixels out, at least 256 channels in and out.
bool SmallConvolutionTakes(const at::Tensor& input, const at::Tensor& weight, int64_t stride,
                           int64_t padding);

// input   [B, C, H, W], channels-last.
// weight  [O, C, K, K], of input's type.
// Returns [B, O, H', W'], channels-last: at::conv2d's values but for rounding. Differentiable.
at::Tensor SmallConvolution(const at::Tensor& input, const at::Tensor& weight, int64_t stride,
                            int64_t padding);

}  // namespace cassle

#endif  // CASSLE_MODELS_KERNELS_SMALL_CONVOLUTION_H_
