#include "cassle/data/sources/class_names.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/data/sources/names.h"

namespace cassle {

int32_t ClassNames::Add(const std::string& name, Tally* tally) {
  const std::string normal = NormalForm(name);
  const auto [at, added] = found_at_.emplace(normal, static_cast<int32_t>(found_.size()));
  if (added) found_.push_back(name);
  std::string& found = found_[at->second];
  if (found != name && joined_.insert(name).second) {
    // The first form is counted with the second.
    tally->Count("classes joined: their names differ in Unicode's form alone", normal);
    joined_.insert(found);
    found = normal;
  }
  return at->second;
}

void ClassNames::Settle(v1::DatasetLayout::ClassOrder order, Tally* tally) {
  std::vector<std::string> names = found_;
  std::sort(names.begin(), names.end());
  std::vector<std::string> natural = names;
  std::sort(natural.begin(), natural.end(), NaturalLess);
  if (order == v1::DatasetLayout::NATURAL) {
    SettleAs(std::move(natural));
    return;
  }
  const bool numbers = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return std::all_of(name.begin(), name.end(), absl::ascii_isdigit);
  });
  if (numbers && natural != names) {
    tally->Decide(absl::StrCat(
        "the classes are numbers, in the order of their bytes (",
        absl::StrJoin(names.begin(), names.begin() + std::min<size_t>(3, names.size()), ", "),
        ", ...): --class_order=natural orders them by value"));
  }
  SettleAs(std::move(names));
}

void ClassNames::SettleAs(std::vector<std::string> given) {
  names_ = std::move(given);
  index_.clear();
  for (size_t i = 0; i < names_.size(); ++i) index_.emplace(NormalForm(names_[i]), i);
}

int32_t ClassNames::Index(const std::string& name) const {
  const auto found = index_.find(NormalForm(name));
  return found == index_.end() ? -1 : found->second;
}

absl::Status UnknownClassFolder(const std::string& name) {
  return absl::FailedPreconditionError(
      absl::StrCat("the class folder '", name, "' is not among the names in --classes"));
}

}  // namespace cassle
