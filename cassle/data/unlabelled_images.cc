#include "cassle/data/unlabelled_images.h"

#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/data/sources/class_by_path.h"

namespace cassle {
namespace {

// More are no classes that somebody numbered the images of.
constexpr size_t kMaxWords = 1000;

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

std::string UnlabelledImages::Sentence(const std::string& label_file,
                                       const std::string& layout) const {
  if (images_ == 0) return "";
  std::string sentence = "no image has a label";
  if (!label_file.empty()) {
    const bool table = absl::EndsWithIgnoreCase(label_file, ".csv") ||
                       absl::EndsWithIgnoreCase(label_file, ".tsv");
    absl::StrAppend(&sentence, ", but ", label_file,
                    " may hold some: ", layout == "webdataset" ? "unpack the archive and " : "",
                    table ? "give that file as --input"
                          : "give a CSV made of it, with the columns path,label, as --input");
  } else if ((layout == "folder" || layout == "webdataset") && NamesSayClasses()) {
    const auto first = words_.begin();
    absl::StrAppend(&sentence, ", but their names begin with ", words_.size(), " words (",
                    first->first, ", ", std::next(first)->first, words_.size() > 2 ? ", ..." : "",
                    "): if these are classes, --label_from=name takes them");
  }
  return sentence;
}

}  // namespace cassle
