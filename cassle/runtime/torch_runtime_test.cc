#include "cassle/runtime/torch_runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace cassle {
namespace {

using ::testing::HasSubstr;

// Half the smallest normal float.
bool DenormalsAreZero() {
  volatile float small = 5.8774718e-39f;
  return small * 1.0f == 0.0f;
}

// One test: the settings are made once per process, in this order.
TEST(TorchRuntimeTest, SettingsAreInEffectInEveryThread) {
  unsetenv("ATEN_CPU_CAPABILITY");
  ConfigureTorch(2);
  EXPECT_EQ(at::get_num_threads(), 2);
  EXPECT_EQ(at::get_num_interop_threads(), 1);
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());

  // What LibTorch itself says it uses, after the first look at the variable.
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512) {
    EXPECT_THAT(at::show_config(), HasSubstr("CPU capability usage: AVX512"));
    EXPECT_THAT(DescribeTorchRuntime(), HasSubstr("avx512"));
  }
  EXPECT_THAT(DescribeTorchRuntime(), HasSubstr("2 threads"));

  EXPECT_TRUE(DenormalsAreZero());
  // Large enough for LibTorch to use both threads: neither leaves a denormal.
  const at::Tensor denormals = at::full({1 << 20}, 5.8774718e-39f, at::kFloat);
  EXPECT_EQ(denormals.mul(1).count_nonzero().item().toLong(), 0);
  std::thread([] {
    ConfigureTorchThread();
    EXPECT_TRUE(DenormalsAreZero());
    EXPECT_EQ(at::get_num_threads(), 2);
  }).join();

  // Again, with another number: the one setting that LibTorch takes only once does not matter.
  ConfigureTorch(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  ConfigureTorch(0);
  EXPECT_GE(at::get_num_threads(), 1);
}

}  // namespace
}  // namespace cassle
