#include "cassle/data/sources/archives/label_kinds.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cassle/data/sources/tables/cell_number.h"
#include "cassle/data/sources/tables/class_column.h"

namespace cassle {

void LabelKinds::Add(const std::string& group, const std::string& label,
                     const std::string& sample) {
  if (IsEmptyOrNan(label) || IsWordForNothing(label)) return;
  auto known = std::find_if(groups_.rbegin(), groups_.rend(),
                            [&](const Group& other) { return other.name == group; });
  if (known == groups_.rend()) {
    groups_.push_back({group, {}, {}});
    known = groups_.rbegin();
  }
  Label& first = CellNumber(label).has_value() ? known->number : known->word;
  if (first.sample.empty()) first = {label, sample};
}

absl::Status LabelKinds::CheckOneKind() const {
  const auto words = std::find_if(groups_.begin(), groups_.end(),
                                  [](const Group& group) { return group.number.sample.empty(); });
  const auto numbers = std::find_if(groups_.begin(), groups_.end(),
                                    [](const Group& group) { return group.word.sample.empty(); });
  if (words == groups_.end() || numbers == groups_.end()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      words->name, ": the labels are names ('", words->word.text, "' of ", words->word.sample,
      "), and those of ", numbers->name, " numbers ('", numbers->number.text, "' of ",
      numbers->number.sample,
      "): write both in one way, say with --classes which name each number has, or encode each "
      "alone"));
}

}  // namespace cassle
