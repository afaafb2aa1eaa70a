// Layer-wise adaptive rate scaling (You et al. 2017, arXiv:1708.03888) as Barlow Twins and BYOL use
// it: biases and batch norm (parameters of one dimension) are excluded from scaling and decay.
//
//     g <- gradient + weight_decay * parameter                    (matrices and kernels only)
//     g <- g * 0.001 * |parameter| / |g|                          (those, where both are not 0)
//     b <- momentum * b + g
//     parameter <- parameter - learning_rate * b
//
// Not torch::optim's, which has no such optimiser. Not thread-safe.
#ifndef CASSLE_SSL_OPTIMIZERS_LARS_H_
#define CASSLE_SSL_OPTIMIZERS_LARS_H_

#include <vector>

#include "cassle/ssl/optimizers/optimizer.h"

namespace cassle {

class Lars : public Optimizer {
 public:
  // The buffers are named as their parameters.
  //   momentum      [0, 1)
  //   weight_decay  >= 0
  Lars(std::vector<ParameterGroup> groups, double momentum, double weight_decay);

 protected:
  void Update(double rate, Tensors* tensors) override;

 private:
  const double momentum_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_OPTIMIZERS_LARS_H_
