// UnlabelledImages: what can be said of a data set that has no labels at all.
#ifndef CASSLE_DATA_UNLABELLED_IMAGES_H_
#define CASSLE_DATA_UNLABELLED_IMAGES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cassle {

class UnlabelledImages {
 public:
  // The key of an image.
  void Add(absl::string_view key);

  // Where labels may be: in a file that was not read, or in the words that names begin with (cat of
  // cat.12.jpg), if these are few. Empty without any image.
  //   label_files  Tally::label_files()
  //   layout       "folder", "webdataset", ...
  //   input        what was read, in front of the files
  std::string Sentence(const std::vector<std::string>& label_files, const std::string& layout,
                       const std::string& input) const;

 private:
  bool NamesSayClasses() const;

  int64_t images_ = 0;
  // How many names begin with each word, to kMaxWords.
  std::map<std::string, int64_t, std::less<>> words_;
  int64_t with_word_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_DATA_UNLABELLED_IMAGES_H_
