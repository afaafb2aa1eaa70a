// The precision in which networks compute, for the time of a block.
#ifndef CASSLE_SSL_METHOD_PRECISION_SCOPE_H_
#define CASSLE_SSL_METHOD_PRECISION_SCOPE_H_

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>

#include "cassle/ssl/method/method.h"

namespace cassle {

// With kBfloat16: autocast to bfloat16 while it lives, where `like` is. Casts of parameters are
// cached inside; the cache is dropped at the end, before an optimiser changes them. With kFloat32:
// nothing. Belongs to the thread.
class PrecisionScope {
 public:
  PrecisionScope(Precision precision, const at::Tensor& like);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  const bool on_;
  const c10::DeviceType device_;
  const bool was_on_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_PRECISION_SCOPE_H_
