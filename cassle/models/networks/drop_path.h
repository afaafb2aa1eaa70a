// Stochastic depth ("drop path"; Huang et al. 2016, arXiv:1603.09382): in training the residual
// branch of a block is left out for some images,
//
//   y_i = x_i + m_i F(x)_i / (1 - p),   m_i = 0 with probability p, else 1,
//
// so that its mean is that of the whole block. p rises linearly with the block, from 0 of the first
// to the rate of the last, as in DeiT, ConvNeXt and timm. In evaluation mode nothing is left out.
//
// m_i is a function of (seed, step, block, branch, row of the whole batch): ranks and threads
// change no draw.
#ifndef CASSLE_MODELS_NETWORKS_DROP_PATH_H_
#define CASSLE_MODELS_NETWORKS_DROP_PATH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace cassle {

// Not thread-safe.
class DropPath {
 public:
  // rate in [0, 1).
  DropPath(double rate, uint64_t seed) : rate_(rate), seed_(seed) {}

  // Of the forward passes to come: the step, and which row of its batch is their first.
  void Begin(int64_t step, int64_t first_row) {
    step_ = step;
    first_row_ = first_row;
  }

  // branch [B, ...] of block `block` of `blocks`, counted from 0; `number` tells the branches of a
  // block apart. Draws B numbers on the processor.
  at::Tensor Apply(const at::Tensor& branch, int64_t block, int64_t blocks, int number) const;

 private:
  const double rate_;
  const uint64_t seed_;
  int64_t step_ = 0;
  int64_t first_row_ = 0;
};

// A block's place in a network; leaves everything as it is until it has one.
class DropPathPlace {
 public:
  void Set(std::shared_ptr<const DropPath> path, int64_t block, int64_t blocks) {
    path_ = std::move(path);
    block_ = block;
    blocks_ = blocks;
  }
  bool is_set() const { return path_ != nullptr; }
  at::Tensor Apply(const at::Tensor& branch, int number = 0) const {
    return path_ == nullptr ? branch : path_->Apply(branch, block_, blocks_, number);
  }

 private:
  std::shared_ptr<const DropPath> path_;
  int64_t block_ = 0;
  int64_t blocks_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_DROP_PATH_H_
