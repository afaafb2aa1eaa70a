// The loops of fused_batch_norm.h on plain memory: float32, or bfloat16 as its 16 bits (uint16_t),
// rows of `channels` values. Sums are float32. No LibTorch.
//
// A "strip" is 64 neighbouring values: of one row, if there are 64 channels or more, or of 64 /
// channels rows. Per-channel arguments are strips too: 64 floats, repeated if there are fewer
// channels.
#ifndef CASSLE_MODELS_KERNELS_BATCH_NORM_KERNELS_H_
#define CASSLE_MODELS_KERNELS_BATCH_NORM_KERNELS_H_

#include <cstdint>

namespace cassle {

inline constexpr int kStrip = 64;

// Strip i starts at element i * stride of every array; there are `strips` of them.

// T is float or uint16_t.

// sum[j] = sum_i (x - shift[j]), squares[j] = sum_i (x - shift[j])^2
template <typename T>
void SumStrips(const T* x, int64_t strips, int64_t stride, const float* shift, float* sum,
               float* squares);

// y = scale x + offset + residual, with relu its positive part; residual may be null.
template <typename T>
void NormalizeStrips(const T* x, const T* residual, int64_t strips, int64_t stride,
                     const float* scale, const float* offset, bool relu, T* y);

// g = dy where y > 0 (y null: everywhere). sum[j] = sum_i g, products[j] = sum_i g (x - mean[j])
template <typename T>
void SumGradientStrips(const T* x, const T* y, const T* dy, int64_t strips, int64_t stride,
                       const float* mean, float* sum, float* products);

// dx = scale g + slope x + offset, and g itself to dresidual if that is not null.
template <typename T>
void GradientStrips(const T* x, const T* y, const T* dy, int64_t strips, int64_t stride,
                    const float* scale, const float* slope, const float* offset, T* dx,
                    T* dresidual);

}  // namespace cassle

#endif  // CASSLE_MODELS_KERNELS_BATCH_NORM_KERNELS_H_
