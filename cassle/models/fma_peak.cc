// The most arithmetic this machine does: independent chains of multiply-adds in registers, one
// thread per processor; of float32, or of pairs of bfloat16 into float32 where there are
// instructions for it (AVX512_BF16; else 0). Prints GFLOP/s. For the fraction of the peak that
// training reaches (tools/bench_train.sh). Obeys ATEN_CPU_CAPABILITY as training does.
//   fma_peak THREADS [float32|bf16]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/models/fma_peak.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#ifndef CASSLE_MODELS_FMA_PEAK_ONCE_
#define CASSLE_MODELS_FMA_PEAK_ONCE_
// As many chains as hide the latency of the instruction, and fit into 32 registers.
constexpr int kChains = 16;
constexpr int kLanes = 16;
constexpr int kSteps = 20000;
#endif

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {

typedef float Floats __attribute__((vector_size(4 * kLanes)));

// Steps of every chain; the sum of all keeps the compiler from leaving them out.
HWY_NOINLINE float RunChains(float factor, float addend) {
  Floats chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = Floats{} + static_cast<float>(i);
  const Floats factors = Floats{} + factor, addends = Floats{} + addend;
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) chains[i] = chains[i] * factors + addends;
  }
  float sum = 0;
  for (const Floats& chain : chains) sum += chain[0];
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "cassle/base/vector_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cassle {
namespace {

HWY_EXPORT(RunChains);

float RunFloat32(float factor) { return HWY_DYNAMIC_DISPATCH(RunChains)(factor, 0.001f); }

#if defined(__x86_64__)
// Two multiply-adds a lane.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"), noinline)) float RunBfloat16(
    float factor) {
  const __m512bh factors = _mm512_cvtne2ps_pbh(_mm512_set1_ps(factor), _mm512_set1_ps(factor));
  __m512 chains[kChains];
  for (__m512& chain : chains) chain = _mm512_setzero_ps();
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) chains[i] = _mm512_dpbf16_ps(chains[i], factors, factors);
  }
  __m512 sum = _mm512_setzero_ps();
  for (const __m512& chain : chains) sum = _mm512_add_ps(sum, chain);
  return _mm512_cvtss_f32(sum);
}
bool HasBfloat16() { return __builtin_cpu_supports("avx512bf16"); }
#else
float RunBfloat16(float) { return 0; }
bool HasBfloat16() { return false; }
#endif

double MeasureGflops(float (*run)(float), int operations_per_lane) {
  using Clock = std::chrono::steady_clock;
  constexpr double kSeconds = 1;
  const auto start = Clock::now();
  double operations = 0, seconds = 0;
  volatile float sink = 0;
  while (seconds < kSeconds) {
    sink = sink + run(0.999f);
    operations += 1.0 * operations_per_lane * kChains * kLanes * kSteps;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return operations / seconds / 1e9;
}

}  // namespace
}  // namespace cassle

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  const bool bfloat16 = argc == 3 && std::strcmp(argv[2], "bf16") == 0;
  if (threads < 1 || argc > 3 || (argc == 3 && !bfloat16 && std::strcmp(argv[2], "float32") != 0)) {
    std::fputs("usage: fma_peak THREADS [float32|bf16]\n", stderr);
    return 64;
  }
  cassle::LimitVectorKernels();
  if (bfloat16 && !cassle::HasBfloat16()) {
    std::puts("0");
    return 0;
  }
  std::vector<double> rates(threads);
  std::vector<std::thread> workers;
  for (double& rate : rates) {
    workers.emplace_back([&rate, bfloat16] {
      rate = bfloat16 ? cassle::MeasureGflops(cassle::RunBfloat16, 4)
                      : cassle::MeasureGflops(cassle::RunFloat32, 2);
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::printf("%.1f\n", std::accumulate(rates.begin(), rates.end(), 0.0));
  return 0;
}
#endif
