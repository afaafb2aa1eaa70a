#include "cassle/runtime/ranks/synced_statistics.h"

#include <ATen/ops/from_blob.h>

namespace cassle {
namespace {

void Sum(Team* team, std::vector<double>* values) {
  team->Sum(at::from_blob(values->data(), {static_cast<int64_t>(values->size())}, at::kDouble));
}

}  // namespace

void CombineMoments(Team* team, std::vector<double>* mean, std::vector<double>* variance,
                    int64_t* rows) {
  const size_t channels = mean->size();
  const double n = static_cast<double>(*rows);
  std::vector<double> sums(2 * channels + 1);
  for (size_t c = 0; c < channels; ++c) {
    sums[c] = n * (*mean)[c];
    sums[channels + c] = n * ((*variance)[c] + (*mean)[c] * (*mean)[c]);
  }
  sums.back() = n;
  Sum(team, &sums);
  for (size_t c = 0; c < channels; ++c) {
    (*mean)[c] = sums[c] / sums.back();
    const double difference = sums[channels + c] / sums.back() - (*mean)[c] * (*mean)[c];
    // Not std::max: NaN stays NaN.
    (*variance)[c] = difference < 0 ? 0 : difference;
  }
  *rows = static_cast<int64_t>(sums.back());
}

void SumBoth(Team* team, std::vector<double>* a, std::vector<double>* b) {
  std::vector<double> sums = *a;
  sums.insert(sums.end(), b->begin(), b->end());
  Sum(team, &sums);
  a->assign(sums.begin(), sums.begin() + static_cast<int64_t>(a->size()));
  b->assign(sums.end() - static_cast<int64_t>(b->size()), sums.end());
}

}  // namespace cassle
