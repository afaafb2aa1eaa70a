#include "cassle/models/torch_runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
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
  std::atomic<int> chunks = 0, flushed = 0;
  at::parallel_for(0, 2, 1, [&](int64_t, int64_t) {
    ++chunks;
    flushed += DenormalsAreZero();
  });
  EXPECT_EQ(chunks, flushed);
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
