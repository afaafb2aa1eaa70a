#include "cassle/ssl/optimizers/sgd.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>

#include <utility>

namespace cassle {

Sgd::Sgd(std::vector<ParameterGroup> groups, double momentum, const WeightDecay& decay)
    : Optimizer(std::move(groups), {""}, decay), momentum_(momentum) {}

void Sgd::Update(double rate, Tensors* tensors) {
  std::vector<at::Tensor>& buffers = tensors->buffers[0];
  const Tensors decaying = Decaying(*tensors);
  if (weight_decay() != 0 && !decaying.parameters.empty()) {
    at::_foreach_add_(decaying.gradients, decaying.parameters, weight_decay());
  }
  at::_foreach_mul_(buffers, momentum_);
  at::_foreach_add_(buffers, tensors->gradients, 1);
  at::_foreach_add_(tensors->parameters, buffers, -rate);
}

}  // namespace cassle
