#include "cassle/probes/accuracy.h"

#include <cstddef>

namespace cassle {

double ClassCounts::Top1() const {
  int64_t all = 0, good = 0;
  for (size_t c = 0; c < rows.size(); ++c) {
    all += rows[c];
    good += right[c];
  }
  return all == 0 ? 0 : static_cast<double>(good) / all;
}

double ClassCounts::ClassAverage() const {
  double sum = 0;
  int64_t present = 0;
  for (size_t c = 0; c < rows.size(); ++c) {
    if (rows[c] == 0) continue;
    sum += static_cast<double>(right[c]) / rows[c];
    ++present;
  }
  return present == 0 ? 0 : sum / present;
}

ClassCounts CountRight(const std::vector<int>& predicted, const std::vector<int>& labels,
                       int classes) {
  ClassCounts counts;
  counts.rows.resize(classes);
  counts.right.resize(classes);
  for (size_t i = 0; i < labels.size(); ++i) {
    ++counts.rows[labels[i]];
    if (predicted[i] == labels[i]) ++counts.right[labels[i]];
  }
  return counts;
}

std::vector<int64_t> ConfusionMatrix(const std::vector<int>& predicted,
                                     const std::vector<int>& labels, int classes) {
  std::vector<int64_t> counts(static_cast<size_t>(classes) * classes);
  for (size_t i = 0; i < labels.size(); ++i) ++counts[labels[i] * classes + predicted[i]];
  return counts;
}

}  // namespace cassle
