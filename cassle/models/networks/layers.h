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

// While it lives, batch norm of this thread in training mode takes its statistics of every `rows`
// consecutive rows apart ("ghost batch norm", Hoffer et al. 2017, arXiv:1705.08741): what a GPU of
// its own saw where nothing synchronises. The running statistics move once, by the mean over groups
// of what each would make of them (as in MoCo's SplitBatchNorm). 0: all rows together.
class BatchNormGroupScope {
 public:
  explicit BatchNormGroupScope(int64_t rows);
  ~BatchNormGroupScope();
  BatchNormGroupScope(const BatchNormGroupScope&) = delete;
  BatchNormGroupScope& operator=(const BatchNormGroupScope&) = delete;

 private:
  const int64_t before_;
};

// Batch normalisation (Ioffe & Szegedy 2015) of dimension 1, for [B, C] and [B, C, H, W] alike; eps
// 1e-5, momentum 0.1, running variance unbiased. Training mode needs more than one value per
// channel, and of a BatchNormGroupScope whole groups (throws c10::Error otherwise); on a rank's own
// rows (OwnRowsScope) without groups it sees those of all ranks. Names: weight, bias (with
// `affine`), running_mean, running_var [C], num_batches_tracked [] (int64).
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
  // In training mode: of the rows, or of every group of them.
  at::Tensor InTraining(const at::Tensor& input, const at::Tensor& residual, bool relu);
  // Of all rows together, which move these running statistics.
  at::Tensor Normalize(const at::Tensor& input, const at::Tensor& residual, bool relu,
                       const at::Tensor& running_mean, const at::Tensor& running_var) const;

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
