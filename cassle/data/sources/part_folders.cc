#include "cassle/data/sources/part_folders.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "cassle/base/file.h"

namespace cassle {
namespace {

// "images_part_" of "images_part_1"; empty if that is not the name of a part.
std::string StemOfPart(absl::string_view name) {
  std::string stem = absl::AsciiStrToLower(name);
  while (!stem.empty() && absl::ascii_isdigit(stem.back())) stem.pop_back();
  if (stem.size() == name.size()) return "";
  absl::string_view word = stem;
  while (!word.empty() && !absl::ascii_isalpha(word.back())) word.remove_suffix(1);
  static constexpr const char* kWords[] = {"part",  "parts",   "image",    "images", "img",
                                           "imgs",  "photos",  "pictures", "batch",  "chunk",
                                           "shard", "archive", "subset",   "disc",   "volume"};
  const bool says = std::any_of(std::begin(kWords), std::end(kWords), [&](absl::string_view end) {
    if (!absl::EndsWith(word, end)) return false;
    const absl::string_view before = word.substr(0, word.size() - end.size());
    return before.empty() || !absl::ascii_isalpha(before.back());
  });
  return says ? stem : "";
}

}  // namespace

bool SoundLikeParts(const std::vector<std::string>& names) {
  if (names.size() < 2) return false;
  const std::string stem = StemOfPart(names[0]);
  return !stem.empty() && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return StemOfPart(name) == stem;
  });
}

std::vector<std::string> PartFolders(const std::string& root) {
  const auto names = ListDirectory(root);
  if (!names.ok()) return {};
  std::map<std::string, std::vector<std::string>> of_stem;
  for (const std::string& name : *names) {
    const std::string stem = StemOfPart(name);
    if (!stem.empty() && IsDirectory(JoinPath(root, name))) of_stem[stem].push_back(name);
  }
  std::vector<std::string> parts;
  for (const auto& [stem, alike] : of_stem) {
    if (alike.size() < 2) continue;
    for (const std::string& name : alike) {
      const std::string inner = JoinPath(name, "images");
      parts.push_back(IsDirectory(JoinPath(root, inner)) ? inner : name);
    }
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

}  // namespace cassle
