#include "cassle/ssl/method/precision_scope.h"

#include <ATen/autocast_mode.h>

#include "cassle/runtime/torch_version.h"

namespace cassle {

PrecisionScope::PrecisionScope(Precision precision, const at::Tensor& like)
    : on_(precision == Precision::kBfloat16),
      device_(like.device().type()),
      was_on_(on_ && AutocastEnabled(device_)) {
  if (!on_) return;
  at::autocast::increment_nesting();
  SetAutocastType(device_, at::kBFloat16);
  SetAutocastEnabled(device_, true);
}

PrecisionScope::~PrecisionScope() {
  if (!on_) return;
  SetAutocastEnabled(device_, was_on_);
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

}  // namespace cassle
