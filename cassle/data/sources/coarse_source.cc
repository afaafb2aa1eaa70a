#include "cassle/data/sources/coarse_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr char kName[] = "coarse";

class CoarseSource : public ImageSource {
 public:
  // coarse_of: class -> index into `names`.
  CoarseSource(std::unique_ptr<ImageSource> source, std::string path,
               std::vector<int64_t> coarse_of, std::vector<std::string> names)
      : source_(std::move(source)),
        path_(std::move(path)),
        coarse_of_(std::move(coarse_of)),
        names_(std::move(names)) {}

  const std::vector<std::string>& splits() const override { return source_->splits(); }
  int64_t size() const override { return source_->size(); }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    CASSLE_ASSIGN_OR_RETURN(const bool more, source_->Next(item));
    if (!more || !item->label.has_value()) return more;
    const int64_t label = *item->label;
    if (label < 0 || label >= static_cast<int64_t>(coarse_of_.size())) {
      item->problem = absl::StrCat("class ", label, " has no line in ", path_, ", which has ",
                                   coarse_of_.size());
      return true;
    }
    const auto place =
        std::lower_bound(item->targets.begin(), item->targets.end(), kName,
                         [](const v1::Target& a, const char* name) { return a.name() < name; });
    if (place != item->targets.end() && place->name() == kName) {
      return absl::FailedPreconditionError(
          absl::StrCat("--coarse=", path_, ": the input has a target 'coarse' of its own"));
    }
    item->targets.insert(place, ClassTargetValue(kName, coarse_of_[label]));
    return true;
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    CASSLE_RETURN_IF_ERROR(source_->Describe(info));
    v1::TargetInfo* target = info->add_targets();
    target->set_name(kName);
    target->mutable_classes()->Add(names_.begin(), names_.end());
    std::sort(info->mutable_targets()->begin(), info->mutable_targets()->end(),
              [](const v1::TargetInfo& a, const v1::TargetInfo& b) { return a.name() < b.name(); });
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<ImageSource> source_;
  const std::string path_;
  const std::vector<int64_t> coarse_of_;
  const std::vector<std::string> names_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> WithCoarseClasses(std::unique_ptr<ImageSource> source,
                                                               const std::string& path) {
  if (path.empty()) return source;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> lines, ReadLines(path));
  v1::DatasetInfo info;
  CASSLE_RETURN_IF_ERROR(source->Describe(&info));
  // A layout may learn its classes from the images only; then their labels are checked one by one.
  if (info.classes_size() > 0 && info.classes_size() != static_cast<int>(lines.size())) {
    return absl::DataLossError(
        absl::StrCat(path, " has ", lines.size(), " lines, the input ", info.classes_size(),
                     " classes: line k+1 names the coarse class of class k"));
  }
  std::vector<int64_t> coarse_of;
  std::vector<std::string> names;
  for (const std::string& line : lines) {
    if (line.empty()) {
      return absl::DataLossError(absl::StrCat(path, ":", coarse_of.size() + 1,
                                              ": the line is empty, and line k+1 names the coarse "
                                              "class of class k"));
    }
    const auto found = std::find(names.begin(), names.end(), line);
    coarse_of.push_back(found - names.begin());
    if (found == names.end()) names.push_back(line);
  }
  return std::unique_ptr<ImageSource>(
      new CoarseSource(std::move(source), path, std::move(coarse_of), std::move(names)));
}

}  // namespace cassle
