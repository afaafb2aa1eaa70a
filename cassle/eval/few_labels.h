// Learning from few labels: a stratified choice of training rows.
#ifndef CASSLE_EVAL_FEW_LABELS_H_
#define CASSLE_EVAL_FEW_LABELS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cassle {

struct FewLabels {
  // Of every class so many rows; 0: by fraction.
  int per_class = 0;
  // Of every class this part, rounded to the nearest number of rows but at least one; in (0, 1].
  double fraction = 1;
  uint64_t seed = 0;
};

// Indices into `labels` (classes 0 .. class_names.size() - 1), ascending. A pure function of its
// arguments; a larger per_class or fraction with the same seed contains the smaller choice.
// \error kFailedPrecondition naming a class that occurs and has fewer than per_class rows.
absl::StatusOr<std::vector<int64_t>> ChooseFewLabels(const std::vector<int>& labels,
                                                     const std::vector<std::string>& class_names,
                                                     const FewLabels& few);

}  // namespace cassle

#endif  // CASSLE_EVAL_FEW_LABELS_H_
