#include "cassle/eval/few_labels.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/permutation.h"

namespace cassle {

absl::StatusOr<std::vector<int64_t>> ChooseFewLabels(const std::vector<int>& labels,
                                                     const std::vector<std::string>& class_names,
                                                     const FewLabels& few) {
  std::vector<std::vector<int64_t>> rows_of(class_names.size());
  for (size_t i = 0; i < labels.size(); ++i) rows_of[labels[i]].push_back(i);
  std::vector<int64_t> chosen;
  for (size_t c = 0; c < rows_of.size(); ++c) {
    const int64_t rows = rows_of[c].size();
    if (rows == 0) continue;
    if (rows < few.per_class) {
      return absl::FailedPreconditionError(
          absl::StrCat("--per_class=", few.per_class, ": class ", class_names[c], " has ", rows,
                       " rows to learn from; choose a smaller number"));
    }
    const int64_t wanted =
        few.per_class > 0 ? few.per_class
                          : std::clamp<int64_t>(std::llround(rows * few.fraction), 1, rows);
    const KeyedPermutation order(rows, few.seed + c);
    for (int64_t i = 0; i < wanted; ++i) chosen.push_back(rows_of[c][order(i)]);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace cassle
