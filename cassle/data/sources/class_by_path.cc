#include "cassle/data/sources/class_by_path.h"

#include "cassle/data/images/image_names.h"

namespace cassle {
namespace {

constexpr absl::string_view kDigits = "0123456789";

// Without the characters of `set` at its end.
absl::string_view Trimmed(absl::string_view text, absl::string_view set) {
  return text.substr(0, text.find_last_not_of(set) + 1);
}

absl::string_view WordOfName(absl::string_view name) {
  if (IsImageName(name)) name = name.substr(0, name.rfind('.'));
  // "cat (12)" is Windows' way.
  const absl::string_view open = Trimmed(name, ")");
  const absl::string_view word = Trimmed(open, kDigits);
  return word.size() == open.size() ? name : Trimmed(word, " ._-(");
}

}  // namespace

std::optional<ClassBy> ParseClassBy(absl::string_view label_from) {
  if (label_from == "folder") return ClassBy::kFolder;
  if (label_from == "parent") return ClassBy::kParent;
  if (label_from == "name") return ClassBy::kName;
  return std::nullopt;
}

absl::string_view ClassOfPath(absl::string_view path, ClassBy by) {
  const size_t first = path.find('/'), last = path.rfind('/');
  if (by == ClassBy::kName) return WordOfName(first == path.npos ? path : path.substr(last + 1));
  if (first == path.npos) return {};
  if (by == ClassBy::kFolder) return path.substr(0, first);
  const absl::string_view folders = path.substr(0, last);
  const size_t before = folders.rfind('/');
  return before == folders.npos ? folders : folders.substr(before + 1);
}

}  // namespace cassle
