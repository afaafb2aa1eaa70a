#include "cassle/data/sources/source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr const char* kSplitOrder[] = {"train", "val", "test", "unlabeled"};

constexpr char kNoImagesPayload[] = "cassle/no_images";

int SplitRank(const std::string& split) {
  int rank = 0;
  for (const char* known : kSplitOrder) {
    if (split == known) return rank;
    ++rank;
  }
  return rank;
}

}  // namespace

std::string CanonicalSplit(const std::string& word) {
  const std::string lower = absl::AsciiStrToLower(word);
  static constexpr std::pair<const char*, const char*> kNames[] = {
      {"train", "train"},         {"training", "train"},      {"val", "val"},
      {"valid", "val"},           {"validation", "val"},      {"dev", "val"},
      {"test", "test"},           {"testing", "test"},        {"t10k", "test"},
      {"unlabeled", "unlabeled"}, {"unlabelled", "unlabeled"}};
  for (const auto& [name, canonical] : kNames) {
    if (lower == name) return canonical;
  }
  return "";
}

std::vector<std::string> SplitsInName(absl::string_view name) {
  std::vector<std::string> splits;
  const auto add = [&](absl::string_view word) {
    if (absl::EndsWithIgnoreCase(word, "set")) word.remove_suffix(3);
    const std::string split = CanonicalSplit(std::string(word));
    if (split.empty()) return false;
    if (std::find(splits.begin(), splits.end(), split) == splits.end()) splits.push_back(split);
    return true;
  };
  for (const absl::string_view part : absl::StrSplit(name, absl::ByAnyChar("._- ()[]+,"))) {
    // t10k has digits inside.
    if (add(part)) continue;
    size_t begin = 0;
    for (size_t i = 0; i <= part.size(); ++i) {
      const bool letter = i < part.size() && absl::ascii_isalpha(part[i]);
      const bool capital =
          letter && i > begin && absl::ascii_isupper(part[i]) && absl::ascii_islower(part[i - 1]);
      if (letter && !capital) continue;
      add(part.substr(begin, i - begin));
      begin = capital ? i : i + 1;
    }
  }
  return splits;
}

std::string SplitInName(absl::string_view name) {
  const std::vector<std::string> splits = SplitsInName(name);
  return splits.size() == 1 ? splits[0] : "";
}

void SortSplits(std::vector<std::string>* splits) {
  std::sort(splits->begin(), splits->end(), [](const std::string& a, const std::string& b) {
    return std::make_pair(SplitRank(a), a) < std::make_pair(SplitRank(b), b);
  });
}

std::string FindFile(const std::string& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (const char* suffix : {"", ".gz"}) {
      const std::string path = JoinPath(folder, name + suffix);
      if (FileExists(path) && !IsDirectory(path)) return path;
    }
  }
  return "";
}

absl::Status NoImagesError(absl::string_view message) {
  absl::Status status = absl::FailedPreconditionError(message);
  status.SetPayload(kNoImagesPayload, absl::Cord());
  return status;
}

bool IsNoImagesError(const absl::Status& status) {
  return status.GetPayload(kNoImagesPayload).has_value();
}

absl::Status CheckInterrupted(const SourceArguments& arguments, const std::string& what) {
  if (!arguments.interrupted || !arguments.interrupted()) return absl::OkStatus();
  return absl::CancelledError(
      absl::StrCat("interrupted while ", what, " was read; start again to redo"));
}

absl::StatusOr<std::vector<std::string>> ReadLines(const std::string& path, ForeignBytes foreign) {
  CASSLE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  CASSLE_ASSIGN_OR_RETURN(std::string text, DecodeText(bytes, path, foreign));
  // Lines of the classic Mac end with \r alone.
  if (!absl::StrContains(text, '\n')) std::replace(text.begin(), text.end(), '\r', '\n');
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::string& line : lines) absl::StripTrailingAsciiWhitespace(&line);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty()) return absl::DataLossError(absl::StrCat(path, ": the file has no lines"));
  return lines;
}

absl::Status CheckClassName(const std::string& name, const std::string& origin,
                            std::set<std::string>* known) {
  if (name.empty()) {
    return absl::DataLossError(
        absl::StrCat(origin, ": the line is empty, and line k+1 names class k"));
  }
  if (!known->insert(name).second) {
    return absl::DataLossError(absl::StrCat(origin, ": the class '", name, "' is named twice"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ReadClassNames(const std::string& path) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> names, ReadLines(path));
  std::set<std::string> known;
  bool numbered = names.size() > 1;
  for (size_t i = 0; i < names.size(); ++i) {
    CASSLE_RETURN_IF_ERROR(CheckClassName(names[i], absl::StrCat(path, ":", i + 1), &known));
    const std::string number = absl::StrCat(i);
    numbered = numbered && names[i].size() > number.size() && absl::StartsWith(names[i], number) &&
               absl::StrContains(" \t,;:", names[i][number.size()]);
  }
  if (numbered || (!names.empty() && (names[0][0] == '{' || names[0][0] == '['))) {
    return absl::DataLossError(absl::StrCat(path, ":1: '", names[0],
                                            "': line k+1 is the name of class k and nothing else"));
  }
  return names;
}

v1::Target ClassTargetValue(const std::string& name, int64_t class_index) {
  v1::Target target;
  target.set_name(name);
  target.set_class_index(class_index);
  return target;
}

}  // namespace cassle
