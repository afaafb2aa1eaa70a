#include "cassle/eval/embeddings/label_notes.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {
namespace {

constexpr size_t kShown = 10;

// The names of the classes of which `holds`.
template <class Holds>
std::vector<std::string> NamesOf(const std::vector<std::string>& class_names, const Holds& holds) {
  std::vector<std::string> names;
  for (size_t c = 0; c < class_names.size(); ++c) {
    if (holds(c)) names.push_back(class_names[c]);
  }
  return names;
}

}  // namespace

std::string FirstNames(const std::vector<std::string>& names) {
  if (names.size() <= kShown) return absl::StrJoin(names, ", ");
  return absl::StrCat(absl::StrJoin(names.begin(), names.begin() + kShown, ", "), " and ",
                      names.size() - kShown, " more");
}

std::string LeftOutSentence(const std::string& flag, const std::string& what, int64_t missing,
                            int64_t rows) {
  if (missing == 0) return "";
  return absl::StrCat(missing, " of ", rows, " rows of --", flag, " have no ", what,
                      " and are left out");
}

std::string UnlearntClassesSentence(const std::vector<std::string>& class_names,
                                    const std::vector<int64_t>& learnt,
                                    const std::vector<int64_t>& tested) {
  const std::vector<std::string> names =
      NamesOf(class_names, [&](size_t c) { return learnt[c] == 0 && tested[c] > 0; });
  if (names.empty()) return "";
  return absl::StrCat("classes of the test set that nothing was learnt of: ", FirstNames(names));
}

std::string EmptyClassesSentence(const std::vector<std::string>& class_names,
                                 const std::vector<int64_t>& learnt,
                                 const std::vector<int64_t>& tested) {
  const std::vector<std::string> nowhere =
      NamesOf(class_names, [&](size_t c) { return learnt[c] == 0 && tested[c] == 0; });
  const std::vector<std::string> untested =
      NamesOf(class_names, [&](size_t c) { return learnt[c] > 0 && tested[c] == 0; });
  std::string sentence;
  if (!nowhere.empty()) {
    sentence = absl::StrCat(nowhere.size(), " of ", class_names.size(),
                            " classes have no image: ", FirstNames(nowhere));
  }
  if (!untested.empty()) {
    absl::StrAppend(&sentence, sentence.empty() ? "" : "; ", untested.size(), " of ",
                    class_names.size(), " classes have no test image: ", FirstNames(untested));
  }
  return sentence;
}

}  // namespace cassle
