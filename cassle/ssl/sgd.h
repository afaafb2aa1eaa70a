// Stochastic gradient descent with momentum and weight decay, as torch.optim.SGD computes it
// (dampening 0, no Nesterov):
//
//     g <- gradient + weight_decay * parameter
//     b <- momentum * b + g            (first step: b <- g)
//     parameter <- parameter - learning_rate * b
//
// One call updates all parameters (at::_foreach_*): four passes over the memory, no allocation
// after the first step. Not thread-safe.
#ifndef CASSLE_SSL_SGD_H_
#define CASSLE_SSL_SGD_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "cassle/models/module.h"

namespace cassle {

struct SgdOptions {
  double momentum = 0.9;  // [0, 1)
  double weight_decay =
      5e-4;  // >= 0, on every parameter, batch norm and biases included, as the authors do.
};

class Sgd {
 public:
  // Keeps references to the parameters, which stay where they are. The buffers start at zero, which
  // makes the first step what torch.optim.SGD does.
  Sgd(std::vector<NamedTensor> parameters, const SgdOptions& options);

  // Sets the gradients to none.
  void ZeroGrad();

  // Euclidean norm over the gradients of all parameters; not finite if one of them is not.
  double GradientNorm() const;

  // One update. Parameters without a gradient are left alone. Overwrites the gradients.
  void Step(double learning_rate);

  // The momentum buffers, named as their parameters: all the state there is.
  const std::vector<NamedTensor>& buffers() const { return buffers_; }

 private:
  std::vector<NamedTensor> parameters_;
  std::vector<NamedTensor> buffers_;
  SgdOptions options_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_SGD_H_
