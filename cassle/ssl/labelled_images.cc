#include "cassle/ssl/labelled_images.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/permutation.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// Not the seed of the run: runs with different seeds are measured on the same images.
constexpr uint64_t kKey = 0x6d6f6e69746f72;  // "monitor"

// Number of classes of a target.
absl::StatusOr<int> ClassesOf(const v1::DatasetInfo& info, const std::string& target) {
  std::vector<std::string> names;
  if (target.empty() && info.classes_size() > 0) return info.classes_size();
  for (const v1::TargetInfo& candidate : info.targets()) {
    if (candidate.vector_size() > 0) continue;
    if (candidate.name() == target) return candidate.classes_size();
    names.push_back(candidate.name());
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "data set '", info.name(), "' has no ",
      target.empty() ? std::string("class labels") : absl::StrCat("class target '", target, "'"),
      names.empty() ? std::string()
                    : absl::StrCat("; --monitor.target can be ", absl::StrJoin(names, ", "))));
}

// The class of an image; -1 if it has none.
int64_t LabelOf(const v1::ImageRecord& record, const std::string& target) {
  if (target.empty()) return record.has_label() ? record.label() : -1;
  for (const v1::Target& candidate : record.targets()) {
    if (candidate.name() == target && candidate.has_class_index()) return candidate.class_index();
  }
  return -1;
}

}  // namespace

absl::StatusOr<LabelledImages> ChooseLabelledImages(std::shared_ptr<const Dataset> images,
                                                    const std::string& target, int64_t count) {
  LabelledImages chosen;
  CASSLE_ASSIGN_OR_RETURN(chosen.classes, ClassesOf(images->info(), target));
  const KeyedPermutation permutation(images->size(), kKey);
  const bool all_unlabelled =
      target.empty() && images->split().num_unlabeled() == images->size();
  for (int64_t i = 0; i < images->size() && !all_unlabelled; ++i) {
    if (static_cast<int64_t>(chosen.indices.size()) == count) break;
    const int64_t index = static_cast<int64_t>(permutation(i));
    v1::ImageRecord record;
    CASSLE_RETURN_IF_ERROR(images->Read(index, &record));
    const int64_t label = LabelOf(record, target);
    if (label < 0) continue;
    if (label >= chosen.classes) {
      return absl::DataLossError(absl::StrCat("image ", record.id(), " (", record.key(),
                                              "): class ", label, " is not below ",
                                              chosen.classes, "; encode the data set again"));
    }
    chosen.indices.push_back(index);
    chosen.labels.push_back(static_cast<int>(label));
  }
  if (chosen.indices.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "split '", images->split().name(), "' of ", images->folder(), " has no labelled images"));
  }
  chosen.images = std::move(images);
  return chosen;
}

}  // namespace cassle
