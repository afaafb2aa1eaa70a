#include "cassle/data/unlabelled_images.h"

#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/data/sources/class_by_path.h"
#include "cassle/data/sources/source.h"

namespace cassle {
namespace {

// More are no classes that somebody numbered the images of.
constexpr size_t kMaxWords = 1000;

// "--train=photos/train/metadata.csv --test=photos/test/metadata.csv", if the likeliest of the
// files lies in a folder of a split: each split may have one of that name. Else empty.
std::string FlagsOfSplits(const std::vector<std::string>& label_files, const std::string& input) {
  std::map<std::string, std::string> of_split;
  for (const std::string& file : label_files) {
    const std::string split = CanonicalSplit(BaseName(DirName(file)));
    if (split.empty() || BaseName(file) != BaseName(label_files[0])) continue;
    of_split.emplace(split, absl::StrCat("--", split, "=", JoinPath(input, file)));
  }
  if (CanonicalSplit(BaseName(DirName(label_files[0]))).empty()) return "";
  std::vector<std::string> splits, flags;
  for (const auto& [split, flag] : of_split) splits.push_back(split);
  SortSplits(&splits);
  for (const std::string& split : splits) flags.push_back(of_split[split]);
  return absl::StrJoin(flags, " ");
}

}  // namespace

void UnlabelledImages::Add(absl::string_view key) {
  ++images_;
  const absl::string_view word = ClassOfPath(key, ClassBy::kName);
  auto found = words_.find(word);
  if (word.empty() || (found == words_.end() && words_.size() == kMaxWords)) return;
  if (found == words_.end()) found = words_.emplace(std::string(word), 0).first;
  ++found->second;
  ++with_word_;
}

bool UnlabelledImages::NamesSayClasses() const {
  const auto words = static_cast<int64_t>(words_.size());
  return words > 1 && 2 * words <= images_ && 10 * with_word_ >= 9 * images_;
}

std::string UnlabelledImages::Sentence(const std::vector<std::string>& label_files,
                                       const std::string& layout, const std::string& input) const {
  if (images_ == 0) return "";
  std::string sentence = "no image has a label";
  if (!label_files.empty()) {
    const std::string& label_file = label_files[0];
    const std::string flags = layout == "folder" ? FlagsOfSplits(label_files, input) : "";
    const bool table = absl::EndsWithIgnoreCase(label_file, ".csv") ||
                       absl::EndsWithIgnoreCase(label_file, ".tsv");
    absl::StrAppend(&sentence, ", but ", label_file,
                    " may hold some: ", layout == "webdataset" ? "unpack the archive and " : "",
                    !table ? "give a CSV made of it, with the columns path,label, as --input"
                    : flags.empty() ? "give that file as --input"
                                    : absl::StrCat("give ", flags));
  } else if ((layout == "folder" || layout == "webdataset") && NamesSayClasses()) {
    const auto first = words_.begin();
    absl::StrAppend(&sentence, ", but their names begin with ", words_.size(), " words (",
                    first->first, ", ", std::next(first)->first, words_.size() > 2 ? ", ..." : "",
                    "): if these are classes, --label_from=name takes them");
  }
  return sentence;
}

}  // namespace cassle
