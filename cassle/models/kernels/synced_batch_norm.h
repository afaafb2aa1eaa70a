// Batch norm over the rows of all ranks (Ioffe & Szegedy 2015; "SyncBatchNorm"), for any device.
#ifndef CASSLE_MODELS_KERNELS_SYNCED_BATCH_NORM_H_
#define CASSLE_MODELS_KERNELS_SYNCED_BATCH_NORM_H_

#include <ATen/core/Tensor.h>

#include "cassle/runtime/ranks/team.h"

namespace cassle {

// at::batch_norm in training mode, momentum 0.1 and eps 1e-5, where mean and variance are those of
// all ranks' rows. Every rank calls it with its own rows.
//   input         [b, C] or [b, C, H, W], float64, float32 or bfloat16; b may differ by rank, and
//                 be 1.
//   weight, bias  [C], or both undefined.
//   running_mean, running_var  [C], updated in place; equal on all ranks.
// Differentiable. Two sums of 2 C numbers over the ranks, one each way.
at::Tensor SyncedBatchNorm(const at::Tensor& input, const at::Tensor& weight,
                           const at::Tensor& bias, const at::Tensor& running_mean,
                           const at::Tensor& running_var, Team* team);

}  // namespace cassle

#endif  // CASSLE_MODELS_KERNELS_SYNCED_BATCH_NORM_H_
