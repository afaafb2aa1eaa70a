// Learning from few labels: which rows of a labelled set are learnt from.
#ifndef CASSLE_PROBES_SPLITS_FEW_LABELS_H_
#define CASSLE_PROBES_SPLITS_FEW_LABELS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace cassle {

struct FewLabels {
  // Part of every class, (0, 1]; rounded, at least one row.
  double fraction = 1;
  // Rows of every class instead of a fraction, 1 and up; 0: no such limit.
  int64_t per_class = 0;
  uint64_t seed = 0;
  // For messages; empty: classes are called by their numbers.
  std::vector<std::string> class_names = {};
};

// Rows in ascending order, the same part of every class (stratified), drawn without replacement: a
// pure function of its arguments. With the same seed few rows are among many. Rows with a negative
// label are left out.
// \error kInvalidArgument for both a fraction and a number; kFailedPrecondition naming the class
// that has fewer rows than per_class, or if no row has a label.
absl::StatusOr<std::vector<int64_t>> ChooseFewLabels(absl::Span<const int> labels,
                                                     const FewLabels& few);

}  // namespace cassle

#endif  // CASSLE_PROBES_SPLITS_FEW_LABELS_H_
