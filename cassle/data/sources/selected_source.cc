#include "cassle/data/sources/selected_source.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

class SelectedSource : public ImageSource {
 public:
  // kept: the source's number of a class -> its new number; `classes` their names. Empty: all.
  SelectedSource(std::unique_ptr<ImageSource> source, std::unordered_map<int64_t, int64_t> kept,
                 std::vector<std::string> classes, const std::string& joined)
      : source_(std::move(source)),
        kept_(std::move(kept)),
        classes_(std::move(classes)),
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
      if (!item->label.has_value()) continue;
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
  const bool joined_;
  const std::vector<std::string> splits_;
};

bool IsIn(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::Status CheckNames(const std::string& flag, const std::vector<std::string>& names,
                        const std::vector<std::string>& there) {
  for (const std::string& name : names) {
    if (IsIn(name, there)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(flag, ": the input has no class '", name, "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> SelectFrom(
    std::unique_ptr<ImageSource> source, const std::vector<std::string>& only_classes,
    const std::vector<std::string>& without_classes, const std::string& joined) {
  if (only_classes.empty() && without_classes.empty() && joined.empty()) return source;
  std::unordered_map<int64_t, int64_t> kept;
  std::vector<std::string> classes;
  if (!only_classes.empty() || !without_classes.empty()) {
    v1::DatasetInfo info;
    CASSLE_RETURN_IF_ERROR(source->Describe(&info));
    const std::vector<std::string> there(info.classes().begin(), info.classes().end());
    CASSLE_RETURN_IF_ERROR(CheckNames("--only_classes", only_classes, there));
    CASSLE_RETURN_IF_ERROR(CheckNames("--without_classes", without_classes, there));
    for (size_t i = 0; i < there.size(); ++i) {
      if (!only_classes.empty() && !IsIn(there[i], only_classes)) continue;
      if (IsIn(there[i], without_classes)) continue;
      kept[i] = classes.size();
      classes.push_back(there[i]);
    }
    if (classes.empty()) {
      return absl::FailedPreconditionError("--without_classes: no class is left");
    }
  }
  return std::unique_ptr<ImageSource>(
      new SelectedSource(std::move(source), std::move(kept), std::move(classes), joined));
}

}  // namespace cassle
