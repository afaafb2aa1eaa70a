// The most float32 arithmetic this machine does: independent chains of fused multiply-adds in
// registers, one thread per processor. Prints GFLOP/s. For the fraction of the peak that training
// reaches (tools/bench_train.sh).
//   fma_peak [THREADS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

namespace {

// As many chains as hide the latency of the instruction, and fit into 32 registers.
constexpr int kChains = 16;
constexpr int kLanes = 16;
constexpr int kSteps = 20000;
constexpr double kSeconds = 1;
typedef float Floats __attribute__((vector_size(4 * kLanes)));

// Steps of every chain; the sum of all keeps the compiler from leaving them out.
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline)) float
RunChains(float factor, float addend) {
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

double MeasureGflops() {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double operations = 0, seconds = 0;
  volatile float sink = 0;
  while (seconds < kSeconds) {
    sink = sink + RunChains(0.999f, 0.001f);
    operations += 2.0 * kChains * kLanes * kSteps;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return operations / seconds / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : std::thread::hardware_concurrency();
  std::vector<double> rates(threads);
  std::vector<std::thread> workers;
  for (double& rate : rates) workers.emplace_back([&rate] { rate = MeasureGflops(); });
  for (std::thread& worker : workers) worker.join();
  std::printf("%.1f\n", std::accumulate(rates.begin(), rates.end(), 0.0));
  return 0;
}
