// The precision in which networks compute, for the time of a block.
#ifndef CASSLE_RUNTIME_PRECISION_SCOPE_H_
#define CASSLE_RUNTIME_PRECISION_SCOPE_H_

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>

namespace cassle {

enum class Precision {
  kFloat32,
  // Networks compute in bfloat16 where autocast allows; parameters, batch norm statistics and
  // losses stay float32.
  kBfloat16,
};

// With kBfloat16: autocast to bfloat16 while it lives, where `like` is. With kFloat32: nothing.
// Belongs to the thread.
class PrecisionScope {
 public:
  // What becomes of parameters that were cast to bfloat16. LibTorch's cache of them is one for all
  // threads.
  enum class Casts {
    // Kept for the block and dropped at its end, before an optimiser changes the parameters.
    kCached,
    // Cast anew each time: for networks that several threads use at once.
    kNotCached,
  };

  PrecisionScope(Precision precision, const at::Tensor& like, Casts casts = Casts::kCached);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  const bool on_;
  const Casts casts_;
  const c10::DeviceType device_;
  const bool was_on_;
  const bool was_cached_;
};

// Of what a network gave: float32 for what autocast left in bfloat16, others as they are (tests
// compute in float64 too).
at::Tensor AtLeastFloat32(const at::Tensor& tensor);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_PRECISION_SCOPE_H_
