// The whole grid of the linear probe on 5,000 x 512 features with 10 classes (4,500 to learn, 500
// to validate), as in docs and issue 5. Argument: threads.
//   bazel run -c opt //cassle/eval:linear_probe_benchmark
#include <cmath>
#include <vector>

#include "benchmark/benchmark.h"
#include "cassle/base/philox.h"
#include "cassle/eval/linear_probe.h"

namespace cassle {
namespace {

// Rectified mixtures of 64 latent factors with a falling spectrum, plus noise: like the features of
// a ResNet, correlated, non-negative and not quite separable. separation: distance of the classes.
ProbeData MakeData(PaddedMatrix<float>* features, int classes, double separation) {
  constexpr int kFactors = 64;
  const int64_t columns = features->columns() - 1;
  Philox random(StreamKey{1, RandomDomain::kTest});
  std::vector<double> mixing(columns * kFactors), means(classes * kFactors);
  for (size_t i = 0; i < mixing.size(); ++i) {
    mixing[i] = 0.5 * random.NextGaussian() * std::pow(i % kFactors + 1, -0.6);
  }
  for (double& mean : means) mean = separation * random.NextGaussian();
  ProbeData data;
  for (int64_t i = 0; i < features->rows(); ++i) {
    const int label = i % classes;
    data.learn_labels.push_back(label);
    std::vector<double> factors(kFactors);
    for (int f = 0; f < kFactors; ++f)
      factors[f] = means[label * kFactors + f] + random.NextGaussian();
    for (int64_t j = 0; j < columns; ++j) {
      double value = 0.3 * random.NextGaussian();
      for (int f = 0; f < kFactors; ++f) value += mixing[j * kFactors + f] * factors[f];
      (*features)(i, j) = value > 0 ? value : 0;
    }
    (*features)(i, columns) = 1;
  }
  data.learn = features;
  data.train_rows = features->rows() * 9 / 10;
  data.test = features;
  data.test_labels = data.learn_labels;
  data.classes = classes;
  return data;
}

void BM_LinearProbeGrid(benchmark::State& state) {
  PaddedMatrix<float> features(state.range(0), state.range(1) + 1);
  const ProbeData data = MakeData(&features, 10, state.range(3) / 10.0);
  ProbeSettings settings;
  settings.grid = AuthorsGrid();
  settings.threads = state.range(2);
  for (auto _ : state) {
    const ProbeOutcome outcome = RunProbe(data, settings).value();
    int products = 0, steps = 0;
    for (const ProbeGridPoint& point : outcome.grid) {
      products += point.fit.hessian_products;
      steps += point.fit.newton_steps;
    }
    state.counters["products"] = products;
    state.counters["newton_steps"] = steps;
    state.counters["val"] = outcome.grid[outcome.best].val_accuracy;
  }
}
BENCHMARK(BM_LinearProbeGrid)
    ->ArgNames({"rows", "columns", "threads", "separation"})
    ->Args({5000, 512, 1, 3})
    ->Args({5000, 512, 2, 3})
    ->Args({5000, 512, 2, 10})
    ->Args({45000, 512, 2, 3})
    ->Args({8000, 256, 2, 3})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1)
    ->UseRealTime();

}  // namespace
}  // namespace cassle

BENCHMARK_MAIN();
