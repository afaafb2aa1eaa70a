// Accuracies of class predictions.
#ifndef CASSLE_PROBES_ACCURACY_H_
#define CASSLE_PROBES_ACCURACY_H_

#include <cstdint>
#include <vector>

namespace cassle {

// Counts per class; the two accuracies the linear evaluation protocols use.
struct ClassCounts {
  // Both have one entry per class.
  std::vector<int64_t> rows;
  std::vector<int64_t> right;

  // Fraction of right predictions, in [0, 1]; 0 of no rows.
  double Top1() const;
  // Mean over the classes that have rows of the fraction of right predictions in each; 0 of no
  // rows.
  double ClassAverage() const;
};

// predicted and labels: values in 0 .. classes-1, equally long.
ClassCounts CountRight(const std::vector<int>& predicted, const std::vector<int>& labels,
                       int classes);

// How often class t (row) was taken for class p (column): [classes, classes], row-major.
std::vector<int64_t> ConfusionMatrix(const std::vector<int>& predicted,
                                     const std::vector<int>& labels, int classes);

}  // namespace cassle

#endif  // CASSLE_PROBES_ACCURACY_H_
