#include "cassle/probes/view_retrieval.h"

#include <cmath>
#include <limits>

namespace cassle {
namespace {

double Cosine(const float* a, const float* b, int64_t size) {
  double product = 0, aa = 0, bb = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double x = a[i], y = b[i];
    product += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? product / std::sqrt(aa * bb) : 0;
}

}  // namespace

int64_t RankOf(const FeatureRows& prediction, const FeatureRows& candidates, int64_t target) {
  const int64_t size = candidates.columns;
  const double similarity = Cosine(prediction.row(0), candidates.row(target), size);
  int64_t rank = 1;
  for (int64_t i = 0; i < candidates.rows(); ++i) {
    rank += i != target && Cosine(prediction.row(0), candidates.row(i), size) >= similarity;
  }
  return rank;
}

double MeanReciprocalRank(const std::vector<int64_t>& ranks) {
  double sum = 0;
  for (const int64_t rank : ranks) sum += 1.0 / static_cast<double>(rank);
  return ranks.empty() ? 0 : sum / static_cast<double>(ranks.size());
}

double HitsAt(const std::vector<int64_t>& ranks, int64_t k) {
  int64_t hits = 0;
  for (const int64_t rank : ranks) hits += rank <= k;
  return ranks.empty() ? 0 : static_cast<double>(hits) / static_cast<double>(ranks.size());
}

double RandomReciprocalRank(int64_t candidates) {
  double sum = 0;
  for (int64_t rank = 1; rank <= candidates; ++rank) sum += 1.0 / static_cast<double>(rank);
  return sum / static_cast<double>(candidates);
}

std::vector<double> RetrievalErrors(const FeatureRows& parameters,
                                    const std::vector<int64_t>& found,
                                    const std::vector<int64_t>& meant) {
  std::vector<double> errors(parameters.columns);
  const auto rows = static_cast<double>(parameters.rows());
  for (int64_t k = 0; k < parameters.columns; ++k) {
    double mean = 0, variance = 0, error = 0;
    for (int64_t i = 0; i < parameters.rows(); ++i) mean += parameters.row(i)[k] / rows;
    for (int64_t i = 0; i < parameters.rows(); ++i) {
      variance += std::pow(parameters.row(i)[k] - mean, 2) / rows;
    }
    for (size_t i = 0; i < found.size(); ++i) {
      const double difference = parameters.row(found[i])[k] - parameters.row(meant[i])[k];
      error += difference * difference / static_cast<double>(found.size());
    }
    // A value that is always the same, and what rounding makes of its mean.
    errors[k] = variance > 1e-12 * (1 + mean * mean) ? error / (2 * variance)
                                                     : std::numeric_limits<double>::quiet_NaN();
  }
  return errors;
}

}  // namespace cassle
