#include "cassle/ssl/method/momentum_update.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>

namespace cassle {

void UpdateMomentumParameters(const std::vector<at::Tensor>& online, double momentum,
                              std::vector<at::Tensor>* averages) {
  at::NoGradGuard no_grad;
  at::_foreach_mul_(*averages, momentum);
  at::_foreach_add_(*averages, online, 1 - momentum);
}

}  // namespace cassle
