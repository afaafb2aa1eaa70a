#include "cassle/ssl/optimizers/lars.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <utility>

namespace cassle {
namespace {

constexpr double kTrust = 0.001;

}  // namespace

Lars::Lars(std::vector<ParameterGroup> groups, double momentum, double weight_decay)
    : Optimizer(std::move(groups), {""}, {weight_decay, /*exempt_biases=*/true}),
      momentum_(momentum) {}

void Lars::Update(double rate, Tensors* tensors) {
  for (size_t i = 0; i < tensors->parameters.size(); ++i) {
    const at::Tensor& parameter = tensors->parameters[i];
    const at::Tensor& gradient = tensors->gradients[i];
    if (parameter.dim() < 2) continue;
    gradient.add_(parameter, weight_decay());
    if (!parameter.is_cpu()) {
      // Nobody waits for the norms.
      const at::Tensor norms = at::stack({parameter.norm(), gradient.norm()});
      const at::Tensor ratio = norms[0] * kTrust / norms[1];
      gradient.mul_(at::where((norms > 0).all(), ratio, at::ones_like(ratio)));
      continue;
    }
    const double parameter_norm = parameter.norm().item().toDouble();
    const double gradient_norm = gradient.norm().item().toDouble();
    if (parameter_norm > 0 && gradient_norm > 0) {
      gradient.mul_(kTrust * parameter_norm / gradient_norm);
    }
  }
  std::vector<at::Tensor>& buffers = tensors->buffers[0];
  at::_foreach_mul_(buffers, momentum_);
  at::_foreach_add_(buffers, tensors->gradients, 1);
  at::_foreach_add_(tensors->parameters, buffers, -rate);
}

}  // namespace cassle
