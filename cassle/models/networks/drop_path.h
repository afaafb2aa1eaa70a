// Stochastic depth (Huang et al. 2016, arXiv:1603.09382; "drop path"): in training a residual
// branch is left out for some images, and divided by the probability to stay for the others.
//
// As in timm, DeiT and ConvNeXt the rate rises linearly with the block, from 0 to that of the last,
// and the two branches of a transformer's block are dropped apart. What is dropped is a function of
// seed, step, branch and the image's row in the batch: a DropPath is told step and first row before
// every forward, and its backbone's blocks share it. Evaluation drops nothing.
#ifndef CASSLE_MODELS_NETWORKS_DROP_PATH_H_
#define CASSLE_MODELS_NETWORKS_DROP_PATH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace cassle {

class DropPath {
 public:
  //   rate  [0, 1), of the last block.
  DropPath(double rate, uint64_t seed) : rate_(rate), seed_(seed) {}

  // The images to come are the rows from `first_row` on of the batch of this step.
  void Begin(int64_t step, int64_t first_row) {
    step_ = step;
    first_row_ = first_row;
  }

  // values [B, ...] of a branch, one of all of the network; dropped rows are 0.
  at::Tensor Drop(const at::Tensor& values, int64_t branch, double rate) const;

  double rate() const { return rate_; }

 private:
  const double rate_;
  const uint64_t seed_;
  int64_t step_ = 0;
  int64_t first_row_ = 0;
};

// What a block holds for one of its branches. Without a DropPath nothing is dropped.
class DroppedBranch {
 public:
  DroppedBranch() = default;
  // Branch `which`, 0 or 1, of `block` of `blocks`, counted from 0.
  DroppedBranch(std::shared_ptr<const DropPath> drop_path, int64_t block, int64_t blocks,
                int64_t which = 0);
  bool drops() const { return rate_ > 0; }
  at::Tensor Apply(const at::Tensor& values, bool training) const;

 private:
  std::shared_ptr<const DropPath> drop_path_;
  int64_t branch_ = 0;
  double rate_ = 0;
};

// A network with residual branches. Every backbone of this project is one.
class HasResidualBranches {
 public:
  virtual ~HasResidualBranches() = default;
  // From now on, for every forward in training mode.
  virtual void Use(const std::shared_ptr<const DropPath>& drop_path) = 0;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_DROP_PATH_H_
