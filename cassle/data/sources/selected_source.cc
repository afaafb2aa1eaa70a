#include "cassle/data/sources/selected_source.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/sources/names.h"

namespace cassle {
namespace {

class SelectedSource : public ImageSource {
 public:
  // kept: the source's number of a class -> its new number; `classes` their names. Empty: all.
  // tally: lives as long as this.
  SelectedSource(std::unique_ptr<ImageSource> source, std::unordered_map<int64_t, int64_t> kept,
                 std::vector<std::string> classes, const std::string& joined, Tally* tally)
      : source_(std::move(source)),
        kept_(std::move(kept)),
        classes_(std::move(classes)),
        tally_(tally),
        joined_(!joined.empty()),
        splits_(joined_ ? std::vector<std::string>{joined} : source_->splits()) {}

  const std::vector<std::string>& splits() const override { return splits_; }
  int64_t size() const override { return kept_.empty() ? source_->size() : 0; }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    while (true) {
      *item = SourceItem();
      CASSLE_ASSIGN_OR_RETURN(const bool more, source_->Next(item));
      if (!more) return false;
      if (joined_) item->split = 0;
      if (kept_.empty()) return true;
      if (!item->label.has_value()) {
        tally_->Count("images without a label left out, as classes were chosen", item->key);
        continue;
      }
      const auto found = kept_.find(*item->label);
      if (found == kept_.end()) continue;
      item->label = found->second;
      return true;
    }
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    CASSLE_RETURN_IF_ERROR(source_->Describe(info));
    if (kept_.empty()) return absl::OkStatus();
    info->clear_classes();
    for (const std::string& name : classes_) info->add_classes(name);
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<ImageSource> source_;
  const std::unordered_map<int64_t, int64_t> kept_;
  const std::vector<std::string> classes_;
  Tally* const tally_;
  const bool joined_;
  const std::vector<std::string> splits_;
};

// The same name in another form of Unicode is the same name.
std::unordered_set<std::string> NormalForms(const std::vector<std::string>& names) {
  std::unordered_set<std::string> forms;
  for (const std::string& name : names) forms.insert(NormalForm(name));
  return forms;
}

absl::Status NoSuchClass(const std::string& flag, const std::string& name,
                         const std::vector<std::string>& there) {
  const std::string nearest = NearestWord(name, there);
  const std::vector<std::string> some(there.begin(),
                                      there.begin() + std::min<size_t>(there.size(), 3));
  return absl::FailedPreconditionError(absl::StrCat(
      flag, ": the input has no class '", name, "'",
      nearest.empty() ? absl::StrCat(" but ", there.size(), ": ", absl::StrJoin(some, ", "),
                                     there.size() > some.size() ? ", ..." : "")
                      : absl::StrCat("; did you mean '", nearest, "'?")));
}

// Chooses among classes that are numbers without names, of which nobody knows how many there are.
absl::Status ChooseNumbers(const std::vector<std::string>& only,
                           const std::vector<std::string>& without,
                           std::unordered_map<int64_t, int64_t>* kept,
                           std::vector<std::string>* classes) {
  if (!without.empty()) {
    return absl::FailedPreconditionError(
        "--without_classes: the classes of this input are numbers without names: say which are "
        "wanted (--only_classes), or name them all (--classes)");
  }
  std::set<int64_t> numbers;
  for (const std::string& name : only) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(name, &number) || number < 0 || name != absl::StrCat(number)) {
      return absl::FailedPreconditionError(
          absl::StrCat("--only_classes: the classes of this input are numbers from 0, and '", name,
                       "' is none"));
    }
    numbers.insert(number);
  }
  for (const int64_t number : numbers) {
    (*kept)[number] = static_cast<int64_t>(classes->size());
    classes->push_back(absl::StrCat(number));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> SelectFrom(std::unique_ptr<ImageSource> source,
                                                        const ClassChoice& choice,
                                                        const std::string& joined, Tally* tally) {
  if (choice.IsAll() && joined.empty()) return source;
  std::unordered_map<int64_t, int64_t> kept;
  std::vector<std::string> classes;
  if (!choice.IsAll()) {
    v1::DatasetInfo info;
    CASSLE_RETURN_IF_ERROR(source->Describe(&info));
    const std::vector<std::string> there(info.classes().begin(), info.classes().end());
    if (there.empty()) {
      CASSLE_RETURN_IF_ERROR(ChooseNumbers(choice.only(), choice.without(), &kept, &classes));
    }
    const std::unordered_set<std::string> known = NormalForms(there.empty() ? classes : there);
    for (const std::string& name : choice.only()) {
      if (known.count(NormalForm(name)) == 0) return NoSuchClass("--only_classes", name, there);
    }
    for (const std::string& name : choice.without()) {
      if (known.count(NormalForm(name)) > 0) continue;
      if (!NearestWord(name, there).empty()) {
        return NoSuchClass("--without_classes", name, there);
      }
      tally->Count("classes to be left out that the input does not have", name);
    }
    for (size_t i = 0; i < there.size(); ++i) {
      if (!choice.Keeps(there[i])) continue;
      kept[i] = classes.size();
      classes.push_back(there[i]);
    }
    if (classes.empty()) {
      return absl::FailedPreconditionError("--without_classes: no class is left");
    }
  }
  return std::unique_ptr<ImageSource>(
      new SelectedSource(std::move(source), std::move(kept), std::move(classes), joined, tally));
}

}  // namespace cassle
