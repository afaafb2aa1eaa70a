#include "cassle/ssl/optimizers/sgd.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>

#include <utility>

namespace cassle {

Sgd::Sgd(std::vector<ParameterGroup> groups, double momentum, double weight_decay)
    : Optimizer(std::move(groups), {""}), momentum_(momentum), weight_decay_(weight_decay) {}

void Sgd::Update(double rate, Tensors* tensors) {
  std::vector<at::Tensor>& buffers = tensors->buffers[0];
  if (weight_decay_ != 0) at::_foreach_add_(tensors->gradients, tensors->parameters, weight_decay_);
  at::_foreach_mul_(buffers, momentum_);
  at::_foreach_add_(buffers, tensors->gradients, 1);
  at::_foreach_add_(tensors->parameters, buffers, -rate);
}

}  // namespace cassle
