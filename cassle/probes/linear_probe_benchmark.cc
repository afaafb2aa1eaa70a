// The whole grid of the linear probe on 5,000 x 512 features with 10 classes (4,500 to learn, 500
// to validate), as in docs and issue 5. Argument: threads.
//   bazel run -c opt //cassle/probes:linear_probe_benchmark
#include <algorithm>
#include <vector>

#include "benchmark/benchmark.h"
#include "cassle/probes/feature_model.h"
#include "cassle/probes/linear_probe.h"

namespace cassle {
namespace {

// separation: distance of the classes.
ProbeData MakeData(PaddedMatrix<float>* features, int classes, double separation) {
  const int64_t columns = features->columns() - 1;
  const std::vector<float> made =
      MakeFeatures({static_cast<int>(columns), classes, separation}, 0, features->rows());
  ProbeData data;
  for (int64_t i = 0; i < features->rows(); ++i) {
    data.learn_labels.push_back(i % classes);
    std::copy_n(&made[i * columns], columns, features->row(i));
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
      steps += point.fit.steps;
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
