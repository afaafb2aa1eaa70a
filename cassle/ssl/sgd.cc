#include "cassle/ssl/sgd.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

namespace cassle {

Sgd::Sgd(std::vector<NamedTensor> parameters, const SgdOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  at::NoGradGuard no_grad;
  buffers_.reserve(parameters_.size());
  for (const NamedTensor& parameter : parameters_) {
    buffers_.push_back({parameter.name, at::zeros_like(parameter.tensor)});
  }
}

void Sgd::ZeroGrad() {
  for (NamedTensor& parameter : parameters_) parameter.tensor.mutable_grad().reset();
}

double Sgd::GradientNorm() const {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const NamedTensor& parameter : parameters_) {
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
  }
  if (gradients.empty()) return 0;
  return at::stack(at::_foreach_norm(gradients)).norm().item().toDouble();
}

void Sgd::Step(double learning_rate) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> parameters, gradients, buffers;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& gradient = parameters_[i].tensor.grad();
    if (!gradient.defined()) continue;
    parameters.push_back(parameters_[i].tensor);
    gradients.push_back(gradient);
    buffers.push_back(buffers_[i].tensor);
  }
  if (parameters.empty()) return;
  if (options_.weight_decay != 0) at::_foreach_add_(gradients, parameters, options_.weight_decay);
  at::_foreach_mul_(buffers, options_.momentum);
  at::_foreach_add_(buffers, gradients, 1);
  at::_foreach_add_(parameters, buffers, -learning_rate);
}

}  // namespace cassle
