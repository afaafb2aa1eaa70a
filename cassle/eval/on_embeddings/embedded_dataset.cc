#include "cassle/eval/on_embeddings/embedded_dataset.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/augment/pictures/fit_image.h"
#include "cassle/base/status_macros.h"

namespace cassle {

absl::StatusOr<EmbeddedDataset> EmbeddedDataset::Open(const std::string& flag,
                                                      const std::string& folder,
                                                      const std::string& role,
                                                      const Embeddings& embeddings,
                                                      const StageContext& context) {
  const std::string made_of = embeddings.Metadata("dataset_fingerprint");
  const std::string named = context.input_fingerprint(flag);
  if (made_of != named) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--", flag, "=", folder, " is not what --", role, " was made of: fingerprints ", named,
        " and ", made_of, "; name the data set that embed read"));
  }
  EmbeddedDataset images;
  CASSLE_ASSIGN_OR_RETURN(images.dataset_,
                          Dataset::Open(folder, embeddings.Metadata("split"), /*flag=*/""));
  images.ids_ = embeddings.ids();
  return images;
}

absl::StatusOr<v1::ImageRecord> EmbeddedDataset::Record(int64_t row) const {
  const int64_t index = ids_[row] - static_cast<int64_t>(dataset_->first_id());
  if (index < 0 || index >= dataset_->size()) {
    return absl::FailedPreconditionError(absl::StrCat(dataset_->folder(), ": split '",
                                                      dataset_->split().name(), "' has no image ",
                                                      ids_[row], ": embed again"));
  }
  v1::ImageRecord record;
  CASSLE_RETURN_IF_ERROR(dataset_->Read(index, &record));
  return record;
}

absl::StatusOr<RgbImage> EmbeddedDataset::Fitted(const v1::ImageRecord& record, int side) const {
  RgbImage image;
  CASSLE_RETURN_IF_ERROR(dataset_->Decode(record, &image));
  return FitImage(image, side);
}

absl::StatusOr<RgbImage> EmbeddedDataset::Fitted(int64_t row, int side) const {
  CASSLE_ASSIGN_OR_RETURN(const v1::ImageRecord record, Record(row));
  return Fitted(record, side);
}

}  // namespace cassle
