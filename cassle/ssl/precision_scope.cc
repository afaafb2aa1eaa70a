#include "cassle/ssl/precision_scope.h"

#include <ATen/autocast_mode.h>

namespace cassle {

PrecisionScope::PrecisionScope(Precision precision)
    : on_(precision == Precision::kBfloat16), was_on_(at::autocast::is_cpu_enabled()) {
  if (!on_) return;
  at::autocast::increment_nesting();
  at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
  at::autocast::set_cpu_enabled(true);
}

PrecisionScope::~PrecisionScope() {
  if (!on_) return;
  at::autocast::set_cpu_enabled(was_on_);
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

}  // namespace cassle
