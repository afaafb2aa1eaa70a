// Stochastic gradient descent with momentum and weight decay, as torch.optim.SGD computes it
// (dampening 0, no Nesterov):
//
//     g <- gradient + weight_decay * parameter
//     b <- momentum * b + g            (first step: b <- g)
//     parameter <- parameter - learning_rate * b
//
// One call updates all parameters of a group (at::_foreach_*): four passes over the memory, no
// allocation after the first step. Not thread-safe.
//
// Not torch::optim::SGD, which is as fast: its state has no names but the addresses of tensors, and
// checkpoints are strict by name; and its header takes 6.6 s to compile, this one 1.6 s.
#ifndef CASSLE_SSL_OPTIMIZERS_SGD_H_
#define CASSLE_SSL_OPTIMIZERS_SGD_H_

#include <vector>

#include "cassle/ssl/optimizers/optimizer.h"

namespace cassle {

class Sgd : public Optimizer {
 public:
  // The buffers start at zero, which makes the first step what torch.optim.SGD does; they are named
  // as their parameters.
  //   momentum  [0, 1)
  //   decay     The authors have it on every parameter, batch norm and biases included.
  Sgd(std::vector<ParameterGroup> groups, double momentum, const WeightDecay& decay);

 protected:
  void Update(double rate, Tensors* tensors) override;

 private:
  const double momentum_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_OPTIMIZERS_SGD_H_
