// The data set behind embeddings, by their rows: for whoever shows its pictures.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_EMBEDDED_DATASET_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_EMBEDDED_DATASET_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/data/images/image.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/stage/stage.h"

namespace cassle {

class EmbeddedDataset {
 public:
  // flag: the option that named the folder; role: that of the embeddings.
  // \error kFailedPrecondition if the embeddings are of another data set; as Dataset::Open.
  static absl::StatusOr<EmbeddedDataset> Open(const std::string& flag, const std::string& folder,
                                              const std::string& role, const Embeddings& embeddings,
                                              const StageContext& context);

  // The record of a row.
  // \error kFailedPrecondition if the split has no such image; those of Dataset::Read.
  absl::StatusOr<v1::ImageRecord> Record(int64_t row) const;
  // Its image, fitted into `side` pixels.
  // \error those of Dataset::Decode.
  absl::StatusOr<RgbImage> Fitted(const v1::ImageRecord& record, int side) const;
  // Both.
  absl::StatusOr<RgbImage> Fitted(int64_t row, int side) const;

  const v1::DatasetInfo& info() const { return dataset_->info(); }

 private:
  std::shared_ptr<const Dataset> dataset_;
  absl::Span<const int64_t> ids_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_EMBEDDED_DATASET_H_
