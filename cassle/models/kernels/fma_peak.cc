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

// Vectors of unknown length cannot be kept in arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/models/kernels/fma_peak.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#ifndef CASSLE_MODELS_KERNELS_FMA_PEAK_ONCE_
#define CASSLE_MODELS_KERNELS_FMA_PEAK_ONCE_
// As many chains as hide the latency of the instruction, and fit into 16 registers.
constexpr int kChains = 12;
constexpr int kSteps = 20000;

// A result, so that the work is done, and how many operations it took.
struct Run {
  float result = 0;
  double operations = 0;
};
#endif

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Steps of every chain; the sum of all keeps the compiler from leaving them out.
HWY_NOINLINE Run RunChains(float factor, float addend) {
  const hn::ScalableTag<float> d;
  hn::Vec<decltype(d)> chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = hn::Set(d, static_cast<float>(i));
  const auto factors = hn::Set(d, factor), addends = hn::Set(d, addend);
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) chains[i] = hn::MulAdd(chains[i], factors, addends);
  }
  for (int i = 1; i < kChains; ++i) chains[0] = hn::Add(chains[0], chains[i]);
  return {hn::GetLane(chains[0]), 2.0 * kChains * kSteps * hn::Lanes(d)};
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

Run RunFloat32(float factor) { return HWY_DYNAMIC_DISPATCH(RunChains)(factor, 0.001f); }

#if defined(__x86_64__)
// Two multiply-adds a lane. noipa: or the compiler sees that every call gives the same.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"), noipa)) Run RunBfloat16(
    float factor) {
  const __m512bh factors = _mm512_cvtne2ps_pbh(_mm512_set1_ps(factor), _mm512_set1_ps(factor));
  __m512 chains[kChains];
  for (__m512& chain : chains) chain = _mm512_setzero_ps();
  for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) chains[i] = _mm512_dpbf16_ps(chains[i], factors, factors);
  }
  __m512 sum = _mm512_setzero_ps();
  for (const __m512& chain : chains) sum = _mm512_add_ps(sum, chain);
  return {_mm512_cvtss_f32(sum), 4.0 * kChains * kSteps * 16};
}
bool HasBfloat16() { return __builtin_cpu_supports("avx512bf16"); }
#else
Run RunBfloat16(float) { return {}; }
bool HasBfloat16() { return false; }
#endif

double MeasureGflops(Run (*measured)(float)) {
  using Clock = std::chrono::steady_clock;
  constexpr double kSeconds = 1;
  const auto start = Clock::now();
  double operations = 0, seconds = 0;
  volatile float sink = 0;
  while (seconds < kSeconds) {
    const Run run = measured(0.999f);
    sink = sink + run.result;
    operations += run.operations;
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
      rate = bfloat16 ? cassle::MeasureGflops(cassle::RunBfloat16)
                      : cassle::MeasureGflops(cassle::RunFloat32);
    });
  }
  for (std::thread& worker : workers) worker.join();
  std::printf("%.1f\n", std::accumulate(rates.begin(), rates.end(), 0.0));
  return 0;
}
#endif
