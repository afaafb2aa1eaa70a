#include "cassle/ssl/optimizers/adamw.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>

#include <cmath>
#include <map>
#include <utility>

namespace cassle {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

}  // namespace

AdamW::AdamW(std::vector<ParameterGroup> groups, const WeightDecay& weight_decay, Decay decay)
    : Optimizer(std::move(groups), {".first_moment", ".second_moment"}, weight_decay),
      decay_(decay),
      steps_(AddNumbers("steps")) {}

void AdamW::Update(double rate, Tensors* tensors) {
  auto* const steps = steps_.data_ptr<double>();
  std::map<double, Tensors> by_step;
  for (size_t i = 0; i < tensors->indices.size(); ++i) {
    Tensors& alike = by_step[++steps[tensors->indices[i]]];
    alike.buffers.resize(tensors->buffers.size());
    alike.parameters.push_back(tensors->parameters[i]);
    alike.gradients.push_back(tensors->gradients[i]);
    for (size_t k = 0; k < tensors->buffers.size(); ++k) {
      alike.buffers[k].push_back(tensors->buffers[k][i]);
    }
  }
  for (auto& [step, alike] : by_step) UpdateAlike(rate, step, &alike);
}

void AdamW::UpdateAlike(double rate, double step, Tensors* tensors) const {
  std::vector<at::Tensor>& first = tensors->buffers[0];
  std::vector<at::Tensor>& second = tensors->buffers[1];
  const std::vector<at::Tensor>& gradients = tensors->gradients;
  const Tensors decaying = Decaying(*tensors);
  if (weight_decay() != 0 && !decaying.parameters.empty()) {
    if (decay_ == Decay::kDecoupled) {
      at::_foreach_mul_(decaying.parameters, 1 - rate * weight_decay());
    } else {
      at::_foreach_add_(decaying.gradients, decaying.parameters, weight_decay());
    }
  }
  at::_foreach_mul_(first, kBeta1);
  at::_foreach_add_(first, gradients, 1 - kBeta1);
  at::_foreach_mul_(second, kBeta2);
  at::_foreach_addcmul_(second, gradients, gradients, 1 - kBeta2);
  std::vector<at::Tensor> denominators = at::_foreach_sqrt(second);
  at::_foreach_div_(denominators, std::sqrt(1 - std::pow(kBeta2, step)));
  at::_foreach_add_(denominators, kEpsilon);
  at::_foreach_addcdiv_(tensors->parameters, first, denominators,
                        -rate / (1 - std::pow(kBeta1, step)));
}

}  // namespace cassle
