#include "cassle/ssl/optimizers/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <utility>

namespace cassle {

std::vector<double> GroupRates(const std::vector<ParameterGroup>& groups, double initial,
                               double scheduled) {
  std::vector<double> rates;
  for (const ParameterGroup& group : groups) {
    rates.push_back((group.constant_rate ? initial : scheduled) * group.rate_scale);
  }
  return rates;
}

double DefaultBaseLearningRate(v1::OptimizerKind kind) {
  switch (kind) {
    case v1::ADAMW:
    case v1::ADAM:
      return 1.5e-4;
    case v1::LARS:
      return 0.2;
    default:
      return 0.03;
  }
}

double DefaultWeightDecay(v1::OptimizerKind kind) {
  switch (kind) {
    case v1::ADAMW:
      return 0.1;
    case v1::ADAM:
      return 0;
    case v1::LARS:
      return 1.5e-6;
    default:
      return 5e-4;
  }
}

Optimizer::Optimizer(std::vector<ParameterGroup> groups, std::vector<std::string> buffer_suffixes,
                     const WeightDecay& decay)
    : groups_(std::move(groups)), buffers_per_parameter_(buffer_suffixes.size()), decay_(decay) {
  at::NoGradGuard no_grad;
  for (const ParameterGroup& group : groups_) {
    for (const NamedTensor& parameter : group.parameters) {
      for (const std::string& suffix : buffer_suffixes) {
        buffers_.push_back({parameter.name + suffix, at::zeros_like(parameter.tensor)});
      }
    }
  }
}

at::Tensor Optimizer::AddNumbers(const std::string& name) {
  int64_t parameters = 0;
  for (const ParameterGroup& group : groups_) {
    parameters += static_cast<int64_t>(group.parameters.size());
  }
  const at::Tensor numbers = at::zeros({parameters}, at::kDouble);
  buffers_.push_back({name, numbers});
  return numbers;
}

void Optimizer::ZeroGrad() {
  for (ParameterGroup& group : groups_) {
    for (NamedTensor& parameter : group.parameters) parameter.tensor.mutable_grad().reset();
  }
}

double Optimizer::GradientNorm() const { return GradientNormTensor().item().toDouble(); }

at::Tensor Optimizer::GradientNormTensor() const {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const ParameterGroup& group : groups_) {
    for (const NamedTensor& parameter : group.parameters) {
      if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
    }
  }
  if (gradients.empty()) return at::zeros({}, at::kFloat);
  return at::stack(at::_foreach_norm(gradients)).norm();
}

double Optimizer::ClipGradients(double norm, double limit) {
  if (!(limit > 0) || norm <= limit) return norm;
  at::NoGradGuard no_grad;
  for (const ParameterGroup& group : groups_) {
    for (const NamedTensor& parameter : group.parameters) {
      if (parameter.tensor.grad().defined()) parameter.tensor.grad().mul_(limit / norm);
    }
  }
  return limit;
}

void Optimizer::ClipGradients(const at::Tensor& norm, double limit) {
  if (!(limit > 0)) return;
  at::NoGradGuard no_grad;
  const at::Tensor factor = (norm.reciprocal() * limit).clamp_max(1);
  for (const ParameterGroup& group : groups_) {
    for (const NamedTensor& parameter : group.parameters) {
      if (parameter.tensor.grad().defined()) parameter.tensor.grad().mul_(factor);
    }
  }
}

void Optimizer::ClipEachGradient(double limit) {
  if (!(limit > 0)) return;
  at::NoGradGuard no_grad;
  for (const ParameterGroup& group : groups_) {
    for (const NamedTensor& parameter : group.parameters) {
      const at::Tensor& gradient = parameter.tensor.grad();
      // On a GPU nobody waits for the norm.
      if (gradient.defined()) gradient.mul_((gradient.norm().reciprocal() * limit).clamp_max(1));
    }
  }
}

Optimizer::Tensors Optimizer::Decaying(const Tensors& tensors) const {
  Tensors decaying;
  for (size_t i = 0; i < tensors.parameters.size(); ++i) {
    if (decay_.exempt_biases && tensors.parameters[i].dim() < 2) continue;
    decaying.parameters.push_back(tensors.parameters[i]);
    decaying.gradients.push_back(tensors.gradients[i]);
  }
  return decaying;
}

void Optimizer::Step(const std::vector<double>& rates) {
  TORCH_CHECK(rates.size() == groups_.size(), "Optimizer::Step: ", rates.size(), " rates for ",
              groups_.size(), " groups of parameters");
  at::NoGradGuard no_grad;
  int64_t index = -1;
  size_t buffer = 0;
  for (size_t g = 0; g < groups_.size(); ++g) {
    Tensors tensors;
    tensors.buffers.resize(buffers_per_parameter_);
    for (const NamedTensor& parameter : groups_[g].parameters) {
      ++index;
      const size_t first_buffer = buffer;
      buffer += buffers_per_parameter_;
      const at::Tensor& gradient = parameter.tensor.grad();
      if (!gradient.defined()) continue;
      tensors.indices.push_back(index);
      tensors.parameters.push_back(parameter.tensor);
      tensors.gradients.push_back(gradient);
      for (size_t k = 0; k < buffers_per_parameter_; ++k) {
        tensors.buffers[k].push_back(buffers_[first_buffer + k].tensor);
      }
    }
    if (!tensors.parameters.empty()) Update(rates[g], &tensors);
  }
}

}  // namespace cassle
