#include "cassle/data/sources/tables/label_kinds.h"

#include <algorithm>

#include "cassle/data/sources/tables/cell_number.h"
#include "cassle/data/sources/tables/class_column.h"

namespace cassle {

void LabelKinds::Add(const std::string& part, const std::string& label, const std::string& origin) {
  if (IsEmptyOrNan(label) || IsWordForNothing(label)) return;
  auto known = std::find_if(parts_.rbegin(), parts_.rend(),
                            [&](const Part& other) { return other.name == part; });
  if (known == parts_.rend()) {
    parts_.push_back({part, {}, {}});
    known = parts_.rbegin();
  }
  Label& first = CellNumber(label).has_value() ? known->number : known->word;
  if (first.origin.empty()) first = {label, origin};
}

std::optional<LabelKinds::Conflict> LabelKinds::Find() const {
  const auto words = std::find_if(parts_.begin(), parts_.end(),
                                  [](const Part& part) { return part.number.origin.empty(); });
  const auto numbers = std::find_if(parts_.begin(), parts_.end(),
                                    [](const Part& part) { return part.word.origin.empty(); });
  if (words == parts_.end() || numbers == parts_.end()) return std::nullopt;
  return Conflict{*words, *numbers};
}

}  // namespace cassle
