#include "cassle/data/sources/folders/mask_names.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"

namespace cassle {
namespace {

// The path without its ending.
absl::string_view Stem(absl::string_view path) {
  const size_t dot = path.rfind('.');
  const size_t slash = path.rfind('/');
  const bool ending = dot != path.npos && (slash == path.npos || dot > slash);
  return ending ? path.substr(0, dot) : path;
}

// "_mask" of a/1_mask.png and "_mask_2" of a/1_mask_2.png; empty if the name has no such word
// behind another.
absl::string_view MaskPart(absl::string_view path) {
  const absl::string_view stem = Stem(path);
  absl::string_view rest = stem;
  while (!rest.empty() && absl::ascii_isdigit(rest.back())) rest.remove_suffix(1);
  if (rest.size() < stem.size()) {
    if (!rest.empty() && absl::StrContains("._-", rest.back())) rest.remove_suffix(1);
  }
  for (absl::string_view word : {"mask", "masks", "segmentation", "seg", "groundtruth", "gt",
                                 "label", "annotation", "trimap"}) {
    if (rest.size() < word.size() + 2 || !absl::EndsWithIgnoreCase(rest, word)) continue;
    const size_t at = rest.size() - word.size() - 1;
    if (absl::StrContains("._- ", rest[at]) && rest[at - 1] != '/') return stem.substr(at);
  }
  return "";
}

}  // namespace

void SayMasks(const std::vector<absl::string_view>& images, Tally* tally) {
  if (std::all_of(images.begin(), images.end(),
                  [](absl::string_view image) { return MaskPart(image).empty(); })) {
    return;
  }
  std::unordered_set<std::string> stems;
  for (const absl::string_view image : images) stems.emplace(Stem(image));
  int64_t masks = 0;
  absl::string_view first;
  // Of names that differ in numbers alone, one pattern.
  std::map<std::string, int64_t> patterns;
  for (const absl::string_view image : images) {
    const absl::string_view part = MaskPart(image);
    if (part.empty()) continue;
    const absl::string_view stem = Stem(image);
    if (stems.count(std::string(stem.substr(0, stem.size() - part.size()))) == 0) continue;
    if (masks++ == 0) first = image;
    const size_t digits = part.find_first_of("0123456789");
    ++patterns[digits == part.npos
                   ? absl::StrCat("*", part, image.substr(stem.size()))
                   : absl::StrCat("*", part.substr(0, digits), "*", image.substr(stem.size()))];
  }
  if (masks == 0) return;
  std::string leave_out;
  for (const auto& [pattern, count] : patterns) {
    absl::StrAppend(&leave_out, leave_out.empty() ? "" : ",", pattern);
  }
  tally->Decide(absl::StrCat(
      masks, " of the images are named as masks of others (", OneLine(std::string(first)),
      ") and are read as images all the same: --leave_out='", leave_out, "' leaves them out"));
}

}  // namespace cassle
