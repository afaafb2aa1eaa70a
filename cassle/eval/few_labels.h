<<<<<<< HEAD
// Learning from few labels: a stratified choice of training rows.
=======
// Learning from few labels: which rows of a labelled set are learnt from.
>>>>>>> main
#ifndef CASSLE_EVAL_FEW_LABELS_H_
#define CASSLE_EVAL_FEW_LABELS_H_

#include <cstdint>
<<<<<<< HEAD
#include <string>
#include <vector>

#include "absl/status/statusor.h"
=======
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
>>>>>>> main

namespace cassle {

struct FewLabels {
<<<<<<< HEAD
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
=======
  // Part of every class, (0, 1]; rounded, at least one row.
  double fraction = 1;
  // Rows of every class instead of a fraction; 0: no such limit.
  int64_t per_class = 0;
  uint64_t seed = 0;
};

// Rows in ascending order, the same part of every class (stratified), drawn without replacement: a
// pure function of its arguments. With the same seed few rows are among many. Rows with a negative
// label are left out.
// \error kInvalidArgument for a fraction or number out of range, or both; kFailedPrecondition naming
// the class (by number) that has fewer rows than per_class, or if no row has a label.
absl::StatusOr<std::vector<int64_t>> ChooseFewLabels(absl::Span<const int> labels,
>>>>>>> main
                                                     const FewLabels& few);

}  // namespace cassle

#endif  // CASSLE_EVAL_FEW_LABELS_H_
