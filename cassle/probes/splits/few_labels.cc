#include "cassle/probes/splits/few_labels.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/base/permutation.h"
#include "cassle/base/philox.h"

namespace cassle {

absl::StatusOr<std::vector<int64_t>> ChooseFewLabels(absl::Span<const int> labels,
                                                     const FewLabels& few) {
  if (few.per_class > 0 && few.fraction != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(few.per_class, " labels per class and a fraction exclude each other"));
  }
  std::vector<std::vector<int64_t>> classes;
  for (size_t row = 0; row < labels.size(); ++row) {
    if (labels[row] < 0) continue;
    if (labels[row] >= static_cast<int>(classes.size())) classes.resize(labels[row] + 1);
    classes[labels[row]].push_back(static_cast<int64_t>(row));
  }
  std::vector<int64_t> chosen;
  for (size_t c = 0; c < classes.size(); ++c) {
    const auto size = static_cast<int64_t>(classes[c].size());
    if (size == 0) continue;
    if (size < few.per_class) {
      return absl::FailedPreconditionError(
          absl::StrCat("class ", c < few.class_names.size() ? few.class_names[c] : absl::StrCat(c),
                       " has ", size, size == 1 ? " labelled image" : " labelled images",
                       " to learn from, fewer than the ", few.per_class,
                       " per class that were asked for: ask for fewer"));
    }
    const int64_t wanted =
        few.per_class > 0
            ? few.per_class
            : std::max<int64_t>(1, std::llround(few.fraction * static_cast<double>(size)));
    const KeyedPermutation shuffle(size, MixSeed(few.seed, c));
    for (int64_t i = 0; i < wanted; ++i) chosen.push_back(classes[c][shuffle(i)]);
  }
  if (chosen.empty()) return absl::FailedPreconditionError("no image has a label");
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace cassle
