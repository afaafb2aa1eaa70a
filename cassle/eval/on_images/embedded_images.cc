#include "cassle/eval/on_images/embedded_images.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/pixel_hashes.h"
#include "cassle/eval/embeddings/pictures.h"

namespace cassle {
namespace {

// Images of this split that are also in `other`.
absl::Status NoteShared(const Dataset& dataset, const EmbeddedImages& images,
                        const std::vector<PixelHash>& hashes, const v1::SplitInfo& other,
                        StageContext* context) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<PixelHash> others,
                          ReadPixelHashes(dataset.folder(), other));
  const EqualImages shared = FindShared(hashes, others);
  if (shared.count == 0) return absl::OkStatus();
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<const Dataset> of_other,
                          Dataset::Open(dataset.folder(), other.name()));
  v1::ImageRecord record;
  CASSLE_RETURN_IF_ERROR(of_other->Read(shared.other, &record));
  context->NoteWarning(absl::StrCat(shared.count, " of ", hashes.size(), " ",
                                    dataset.split().name(), " images are in ", other.name(),
                                    ", pixel for pixel (first: ", images.keys[shared.first], " = ",
                                    record.key(), ")"));
  return absl::OkStatus();
}

std::string ClassName(const v1::DatasetInfo& info, int label) {
  return label < info.classes_size() ? info.classes(label) : absl::StrCat(label);
}

void NoteConflicts(const Dataset& dataset, const EmbeddedImages& images,
                   const std::vector<PixelHash>& hashes, StageContext* context) {
  const EqualImages found = FindConflicts(hashes, images.labels, hashes, images.labels);
  if (found.count == 0) return;
  context->NoteWarning(absl::StrCat(
      found.count, " ", dataset.split().name(),
      " images are pixel for pixel another one that has another label (first: ",
      images.keys[found.first], " is ", ClassName(dataset.info(), images.labels[found.first]), ", ",
      images.keys[found.other], " is ", ClassName(dataset.info(), images.labels[found.other]),
      ")"));
}

}  // namespace

absl::Status WriteImageNames(const Dataset& dataset, const EmbeddedImages& images,
                             StageContext* context) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<PixelHash> hashes,
                          ReadPixelHashes(dataset.folder(), dataset.split()));
  if (!hashes.empty()) {
    for (const v1::SplitInfo& split : dataset.info().splits()) {
      if (split.name() == dataset.split().name()) continue;
      CASSLE_RETURN_IF_ERROR(NoteShared(dataset, images, hashes, split, context));
    }
    NoteConflicts(dataset, images, hashes, context);
  }
  if (context->output_dir().empty()) return absl::OkStatus();
  return WritePictures(images.ids, hashes, images.keys, context->output_dir());
}

}  // namespace cassle
