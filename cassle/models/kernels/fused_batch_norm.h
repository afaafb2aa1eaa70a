// Batch norm, the addition of a shortcut and ReLU in one pass, for training on CPUs.
//
//   xhat = (x - mean) / sqrt(var + eps),  y = max(0, weight xhat + bias + residual)
//
// mean and var are those of the batch, per channel, over [B, H, W] (Ioffe & Szegedy 2015).
// LibTorch's own kernels read and write every activation five times more often than needed and take
// a third of the training time of a narrow network; these take a third of that. Sums are taken in
// blocks that do not depend on threads: neither do the bits of the result. On a rank's own rows
// (OwnRowsScope, cassle/runtime/ranks/team.h) mean and var are those of all ranks' rows.
#ifndef CASSLE_MODELS_KERNELS_FUSED_BATCH_NORM_H_
#define CASSLE_MODELS_KERNELS_FUSED_BATCH_NORM_H_

#include <ATen/core/Tensor.h>

namespace cassle {

// Whether FusedBatchNorm takes this input: float32 or bfloat16, channels-last [B, C, H, W], C a
// multiple or a divisor of 64 (8 at least). Other inputs need at::batch_norm.
bool FusedBatchNormTakes(const at::Tensor& input);

//   input         [B, C, H, W], as above.
//   residual      undefined, or like input: added before the ReLU.
//   weight, bias  [C] float32.
//   running_mean, running_var  [C] float32, updated in place: new = 0.9 old + 0.1 batch, the
//                 variance unbiased.
// Returns [B, C, H, W], type and layout of input. Differentiable in input, residual, weight and
// bias. Throws c10::Error if sizes or types do not fit.
at::Tensor FusedBatchNorm(const at::Tensor& input, const at::Tensor& residual,
                          const at::Tensor& weight, const at::Tensor& bias,
                          const at::Tensor& running_mean, const at::Tensor& running_var, bool relu);

}  // namespace cassle

#endif  // CASSLE_MODELS_KERNELS_FUSED_BATCH_NORM_H_
