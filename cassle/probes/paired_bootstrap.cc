#include "cassle/probes/paired_bootstrap.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "cassle/base/philox.h"

namespace cassle {
namespace {

// Between the two values that the quantile falls between.
double Quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

DifferenceInterval PairedBootstrap(const std::vector<PairedRun>& runs,
                                   const BootstrapSettings& settings) {
  const size_t num_runs = runs.size(), num_images = runs[0].plain.size();
  // [images, runs]: what one image contributes lies together.
  std::vector<int8_t> differences(num_images * num_runs);
  int64_t sum = 0;
  for (size_t r = 0; r < num_runs; ++r) {
    for (size_t i = 0; i < num_images; ++i) {
      const int difference = runs[r].treated[i] - runs[r].plain[i];
      differences[i * num_runs + r] = static_cast<int8_t>(difference);
      sum += difference;
    }
  }
  const auto answers = static_cast<double>(num_images * num_runs);
  const auto n = static_cast<double>(num_runs);
  const double stretch = num_runs > 1 ? std::sqrt(n / (n - 1)) : 1;
  std::vector<double> means(settings.resamples);
  std::vector<int> times_drawn(num_runs);
  for (int resample = 0; resample < settings.resamples; ++resample) {
    Philox random(
        StreamKey{settings.seed, RandomDomain::kBootstrap, static_cast<uint64_t>(resample)});
    std::fill(times_drawn.begin(), times_drawn.end(), 0);
    for (size_t r = 0; r < num_runs; ++r) ++times_drawn[random.Below(num_runs)];
    // On the drawn images: sums over all runs, and over the drawn ones.
    int64_t all = 0, drawn = 0;
    for (size_t i = 0; i < num_images; ++i) {
      const int8_t* of_image = &differences[random.Below(num_images) * num_runs];
      for (size_t r = 0; r < num_runs; ++r) {
        all += of_image[r];
        drawn += times_drawn[r] * of_image[r];
      }
    }
    const double sum_of_seeds =
        static_cast<double>(all) + stretch * static_cast<double>(drawn - all);
    means[resample] = std::clamp(sum_of_seeds / answers, -1.0, 1.0);
  }
  std::sort(means.begin(), means.end());
  const double tail = (1 - settings.confidence) / 2;
  return {static_cast<double>(sum) / answers, Quantile(means, tail), Quantile(means, 1 - tail)};
}

}  // namespace cassle
