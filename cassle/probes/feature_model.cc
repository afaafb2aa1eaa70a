#include "cassle/probes/feature_model.h"

#include <algorithm>
#include <cmath>

#include "cassle/base/philox.h"

namespace cassle {
namespace {

constexpr int kFactors = 64;

}  // namespace

std::vector<float> MakeFeatures(const FeatureModel& model, int64_t first_row, int64_t rows) {
  Philox shared(StreamKey{1, RandomDomain::kTest});
  std::vector<double> mixing(static_cast<size_t>(model.columns) * kFactors);
  std::vector<double> means(static_cast<size_t>(model.classes) * kFactors);
  for (size_t i = 0; i < mixing.size(); ++i) {
    mixing[i] = 0.5 * shared.NextGaussian() * std::pow(i % kFactors + 1, -0.6);
  }
  for (double& mean : means) mean = model.separation * shared.NextGaussian();
  std::vector<float> features;
  features.reserve(rows * model.columns);
  for (int64_t row = first_row; row < first_row + rows; ++row) {
    Philox random(StreamKey{static_cast<uint64_t>(row) + 2, RandomDomain::kTest});
    const double* mean = &means[row % model.classes * kFactors];
    std::vector<double> factors(kFactors);
    for (int f = 0; f < kFactors; ++f) factors[f] = mean[f] + random.NextGaussian();
    for (int column = 0; column < model.columns; ++column) {
      double value = 0.3 * random.NextGaussian();
      for (int f = 0; f < kFactors; ++f) value += mixing[column * kFactors + f] * factors[f];
      features.push_back(static_cast<float>(std::max(value, 0.0)));
    }
  }
  return features;
}

}  // namespace cassle
