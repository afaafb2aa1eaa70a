#include "cassle/data/sources/tally.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cassle {

void Tally::Count(absl::string_view what, absl::string_view name) {
  Entry& entry = entries_[std::string(what)];
  ++entry.count;
  if (entry.names.size() < kMaxNames) entry.names.emplace_back(name);
}

void Tally::Decide(absl::string_view sentence) {
  if (std::find(decisions_.begin(), decisions_.end(), sentence) == decisions_.end()) {
    decisions_.emplace_back(sentence);
  }
}

std::vector<std::string> Tally::Sentences() const {
  std::vector<std::string> sentences = decisions_;
  for (const auto& [what, entry] : entries_) {
    sentences.push_back(absl::StrCat(entry.count, " ", what, " (", entry.names.front(),
                                     entry.count > 1 ? ", ...)" : ")"));
  }
  return sentences;
}

}  // namespace cassle
