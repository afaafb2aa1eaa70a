// The layers networks are built of. All are differentiable by LibTorch's autograd and follow its
// CPU autocast.
#ifndef CASSLE_MODELS_NETWORKS_LAYERS_H_
#define CASSLE_MODELS_NETWORKS_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "cassle/models/networks/module.h"

namespace cassle {

// y = x W^T (+ b).  input [..., in] -> [..., out]. Names: weight [out, in], bias [out].
class Linear : public Module {
 public:
  Linear(int64_t in, int64_t out, bool bias);
  // With bias, which starts at 0.
  Linear(int64_t in, int64_t out, InitialValues weight);
  at::Tensor forward(const at::Tensor& input);

 private:
  at::Tensor weight_;
  at::Tensor bias_;
};

// Square convolution without bias.  input [B, in, H, W] -> [B, out, H', W'] with
// H' = (H + 2 padding - kernel) / stride + 1. Names: weight [out, in, kernel, kernel].
class Conv2d : public Module {
 public:
  Conv2d(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding);
  at::Tensor forward(const at::Tensor& input);

 private:
  at::Tensor weight_;
  int64_t stride_;
  int64_t padding_;
};

// Batch normalisation (Ioffe & Szegedy 2015) of dimension 1, for [B, C] and [B, C, H, W] alike; eps
// 1e-5, momentum 0.1, running variance unbiased. Training mode needs more than one value per
// channel (throws c10::Error otherwise); on a rank's own rows (OwnRowsScope) it sees those of all
// ranks. Names: weight, bias (with `affine`), running_mean,
// running_var [C], num_batches_tracked [] (int64).
class BatchNorm : public Module {
 public:
  struct Options {
    bool affine = true;
    // Initial weight: 0 makes a residual block start as the identity (Goyal et al. 2017).
    double initial_weight = 1;
  };
  explicit BatchNorm(int64_t channels) : BatchNorm(channels, Options()) {}
  BatchNorm(int64_t channels, Options options);
  at::Tensor forward(const at::Tensor& input);
  // ReLU(forward(input) + residual); residual may be undefined, and else is like the input. In
  // bfloat16 training one pass does it all (fused_batch_norm.h).
  at::Tensor ForwardRelu(const at::Tensor& input, const at::Tensor& residual = {});

 private:
  void CountBatch(const at::Tensor& input);

  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor running_mean_;
  at::Tensor running_var_;
  at::Tensor num_batches_tracked_;
};

// Layer normalisation (Ba et al. 2016, arXiv:1607.06450) over the last dimension. Names: weight,
// bias [size].
class LayerNorm : public Module {
 public:
  LayerNorm(int64_t size, double eps);
  at::Tensor forward(const at::Tensor& input);

 private:
  at::Tensor weight_;
  at::Tensor bias_;
  double eps_;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_LAYERS_H_
