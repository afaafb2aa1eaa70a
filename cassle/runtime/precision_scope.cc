#include "cassle/runtime/precision_scope.h"

#include <ATen/autocast_mode.h>

#include "cassle/runtime/torch_version.h"

namespace cassle {

PrecisionScope::PrecisionScope(Precision precision, const at::Tensor& like, Casts casts)
    : on_(precision == Precision::kBfloat16),
      casts_(casts),
      device_(like.device().type()),
      was_on_(on_ && AutocastEnabled(device_)),
      was_cached_(at::autocast::is_autocast_cache_enabled()) {
  if (!on_) return;
  at::autocast::increment_nesting();
  SetAutocastType(device_, at::kBFloat16);
  SetAutocastEnabled(device_, true);
  at::autocast::set_autocast_cache_enabled(casts_ == Casts::kCached);
}

PrecisionScope::~PrecisionScope() {
  if (!on_) return;
  SetAutocastEnabled(device_, was_on_);
  at::autocast::set_autocast_cache_enabled(was_cached_);
  if (at::autocast::decrement_nesting() == 0 && casts_ == Casts::kCached) {
    at::autocast::clear_cache();
  }
}

at::Tensor AtLeastFloat32(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kBFloat16 ? tensor.to(at::kFloat) : tensor;
}

}  // namespace cassle
