#include "cassle/ssl/training/labelled_images.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/permutation.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/class_target.h"

namespace cassle {
namespace {

// Not the seed of the run: runs with different seeds are measured on the same images.
constexpr uint64_t kKey = 0x6d6f6e69746f72;  // "monitor"

}  // namespace

absl::StatusOr<LabelledImages> ChooseLabelledImages(std::shared_ptr<const Dataset> images,
                                                    const std::string& target, int64_t count) {
  LabelledImages chosen;
  const absl::StatusOr<int64_t> classes = NumClasses(images->info(), target);
  if (!classes.ok()) return Annotate(classes.status(), "--monitor.target");
  chosen.classes = static_cast<int>(*classes);
  const KeyedPermutation permutation(images->size(), kKey);
  const bool none = IsLabel(target) && images->split().num_unlabeled() == images->size();
  for (int64_t i = 0; i < images->size() && !none; ++i) {
    if (static_cast<int64_t>(chosen.indices.size()) == count) break;
    const int64_t index = static_cast<int64_t>(permutation(i));
    v1::ImageRecord record;
    CASSLE_RETURN_IF_ERROR(images->Read(index, &record));
    const int64_t label = ClassOf(record, target);
    if (label < 0) continue;
    if (label >= chosen.classes) {
      return absl::DataLossError(absl::StrCat("image ", record.id(), " (", record.key(),
                                              "): class ", label, " is not below ", chosen.classes,
                                              "; encode the data set again"));
    }
    chosen.indices.push_back(index);
    chosen.labels.push_back(static_cast<int>(label));
  }
  if (chosen.indices.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("split '", images->split().name(), "' of ",
                                                      images->folder(), " has no labelled images"));
  }
  chosen.images = std::move(images);
  return chosen;
}

}  // namespace cassle
