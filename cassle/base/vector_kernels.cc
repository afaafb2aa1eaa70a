#include "cassle/base/vector_kernels.h"

#include <cstdlib>
#include <string>

#include "hwy/highway.h"

namespace cassle {

void LimitVectorKernels() {
  const char* value = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string capability = value == nullptr ? "" : value;
  int64_t without = 0;
  if (capability == "avx2") without = HWY_AVX3 | HWY_AVX3_DL;
  if (capability == "default") without = HWY_AVX3 | HWY_AVX3_DL | HWY_AVX2;
  if (without != 0) hwy::DisableTargets(without);
}

const char* KindOfVectorKernels() {
  const int64_t targets = hwy::SupportedTargets();
  if ((targets & (HWY_AVX3 | HWY_AVX3_DL)) != 0) return "AVX-512";
  return (targets & HWY_AVX2) != 0 ? "AVX2" : "before AVX2";
}

}  // namespace cassle
