#include "cassle/base/vector_kernels.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "hwy/highway.h"

namespace cassle {
namespace {

#if HWY_ARCH_X86
TEST(LimitVectorKernelsTest, ObeysTheEnvironment) {
  const int64_t all = hwy::SupportedTargets();
  setenv("ATEN_CPU_CAPABILITY", "avx512", 1);
  LimitVectorKernels();
  EXPECT_EQ(hwy::SupportedTargets(), all);
  setenv("ATEN_CPU_CAPABILITY", "avx2", 1);
  LimitVectorKernels();
  EXPECT_EQ(hwy::SupportedTargets(), all & ~(HWY_AVX3 | HWY_AVX3_DL));
  setenv("ATEN_CPU_CAPABILITY", "default", 1);
  LimitVectorKernels();
  EXPECT_EQ(hwy::SupportedTargets(), all & ~(HWY_AVX3 | HWY_AVX3_DL | HWY_AVX2));
}
#endif

}  // namespace
}  // namespace cassle
