#include "cassle/data/sources/tally.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

// Endings may be anything: addresses of pages, dates.
constexpr size_t kMaxKinds = 100;
constexpr size_t kShownKinds = 6;

// ": .tga 2, .svg 1", the most first; nothing if the example tells.
std::string KindsInWords(const Tally::Entry& entry) {
  if (entry.count < 2 || entry.kinds.empty()) return "";
  std::vector<std::pair<int64_t, std::string>> kinds;
  for (const auto& [kind, count] : entry.kinds) kinds.emplace_back(-count, kind);
  std::sort(kinds.begin(), kinds.end());
  std::string words;
  for (size_t i = 0; i < kinds.size() && i < kShownKinds; ++i) {
    absl::StrAppend(&words, i == 0 ? ": " : ", ", kinds[i].second, " ", -kinds[i].first);
  }
  if (kinds.size() > kShownKinds) absl::StrAppend(&words, ", ...");
  return words;
}

// The smaller, the likelier it is that labels stand in the file.
std::tuple<bool, bool, int64_t, absl::string_view> LabelRank(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  const bool says_labels = absl::StrContains(lower, "label") || absl::StrContains(lower, "annot") ||
                           absl::StrContains(lower, "class");
  const bool table = absl::EndsWith(lower, ".csv") || absl::EndsWith(lower, ".tsv");
  return {!says_labels, !table, std::count(name.begin(), name.end(), '/'), name};
}

}  // namespace

void Tally::Count(absl::string_view what, absl::string_view name, absl::string_view kind) {
  Entry& entry = entries_[std::string(what)];
  ++entry.count;
  if (entry.names.size() < kMaxNames) entry.names.emplace_back(name);
  if (kind.empty()) return;
  const std::string known(kind);
  const bool room = entry.kinds.size() < kMaxKinds || entry.kinds.count(known) > 0;
  ++entry.kinds[room ? known : "others"];
}

void Tally::MayHoldLabels(absl::string_view name) {
  label_files_.emplace(name);
  if (label_files_.size() <= kMaxNames) return;
  label_files_.erase(
      std::max_element(label_files_.begin(), label_files_.end(),
                       [](const auto& a, const auto& b) { return LabelRank(a) < LabelRank(b); }));
}

std::vector<std::string> Tally::label_files() const {
  std::vector<std::string> files(label_files_.begin(), label_files_.end());
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return LabelRank(a) < LabelRank(b); });
  return files;
}

void Tally::Decide(absl::string_view sentence) {
  if (std::find(decisions_.begin(), decisions_.end(), sentence) == decisions_.end()) {
    decisions_.emplace_back(sentence);
  }
}

std::vector<std::string> Tally::Sentences() const {
  std::vector<std::string> sentences = decisions_;
  for (const auto& [what, entry] : entries_) {
    sentences.push_back(absl::StrCat(entry.count, " ", what, KindsInWords(entry), " (",
                                     entry.names.front(), entry.count > 1 ? ", ...)" : ")"));
  }
  return sentences;
}

}  // namespace cassle
