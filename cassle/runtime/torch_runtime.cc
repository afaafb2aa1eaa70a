#include "cassle/runtime/torch_runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <torch/version.h>

#include "absl/strings/str_cat.h"
#include "cassle/base/build_facts.h"
#include "cassle/base/thread_pool.h"
#include "cassle/base/vector_kernels.h"
#include "cassle/runtime/tensor_memory.h"

namespace cassle {
namespace {

// LibTorch 1.13 has kernels for these three.
const char* BestKernels() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("fma")) {
    return "avx512";
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "avx2";
  return "default";
}

void KeepFreedMemory() {
  // Large tensors.
  UseTensorMemory();
  // Everything smaller: keep what is freed. The first is the largest threshold that glibc takes;
  // both are read by the next malloc.
  constexpr int kMmapThreshold = 32 << 20;
  constexpr int kTrimThreshold = 2000000000;
  mallopt(M_MMAP_THRESHOLD, kMmapThreshold);
  mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
  // The arenas of further threads are pieces of at most 64 MB that go back to the kernel when they
  // become free, whatever the thresholds say. With one arena for all, threads that compute keep
  // their memory too; the lock is not noticed.
  mallopt(M_ARENA_MAX, 1);
}

// Runs `work` once in each of `threads` threads of the pool that OpenMP keeps for the calling
// thread. Through the runtime LibTorch has loaded: code compiled without -fopenmp gets no threads
// from at::parallel_for. Does nothing if that runtime is not GNU's.
void InOpenMpThreads(int threads, void (*work)(void*)) {
  using GompParallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
  const auto parallel = reinterpret_cast<GompParallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  if (parallel != nullptr) parallel(work, nullptr, static_cast<unsigned>(threads), 0);
}

}  // namespace

const char* LibTorchVersion() { return TORCH_VERSION; }

void ConfigureTorch(int compute_threads) {
  if (compute_threads < 1) compute_threads = AvailableProcessors();
  KeepFreedMemory();
  setenv("ATEN_CPU_CAPABILITY", BestKernels(), /*overwrite=*/0);
  LimitVectorKernels();
  // What cuBLAS needs for deterministic products, read when a GPU is first used.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::set_num_threads(compute_threads);
  // Can be set once per process; a second call (tests) finds it done.
  if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1);
  at::globalContext().setDeterministicAlgorithms(/*b=*/true, /*warn_only=*/false);
  at::globalContext().setFlushDenormal(true);
  // The flag is per thread and OpenMP keeps its workers: set it in each.
  InOpenMpThreads(compute_threads, [](void*) { at::globalContext().setFlushDenormal(true); });
}

void ConfigureTorchThread() {
  at::globalContext().setFlushDenormal(true);
  // Makes LibTorch hand its thread count to OpenMP for this thread, which oneDNN asks.
  at::get_num_threads();
}

std::string DescribeTorchRuntime() {
  const char* kernels = getenv("ATEN_CPU_CAPABILITY");
  return absl::StrCat(at::get_num_threads(), " threads, kernels ",
                      kernels == nullptr ? "default" : kernels);
}

}  // namespace cassle
