// The columns of embeddings.safetensors, filled row by row.
#ifndef CASSLE_EVAL_ON_IMAGES_EMBEDDING_TABLE_H_
#define CASSLE_EVAL_ON_IMAGES_EMBEDDING_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/base/safetensors.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/on_images/embedded_batch.pb.h"
#include "cassle/eval/on_images/embedded_images.h"

namespace cassle {

class EmbeddingTable {
 public:
  // images: outlive it.
  EmbeddingTable(const Dataset& images, int64_t feature_size);

  // Rows of one image follow each other.
  // \error kDataLoss naming the image whose target is not as the data set says.
  absl::Status Append(const v1::EmbeddedBatch& batch);

  // Tensors, and the names of classes as metadata.
  void AddTo(SafetensorsWriter* writer) const;

  // What some rows lack. A target that none has is told by its absence.
  std::vector<std::string> MissingSentences() const;

  // One per image, however many rows it has.
  const EmbeddedImages& images() const { return images_; }

 private:
  struct Column {
    std::vector<int64_t> classes;
    std::vector<float> vectors;
    // Rows without.
    int64_t missing = 0;
  };

  absl::Status AppendTargets(const v1::ImageRecord& record);

  const v1::DatasetInfo& info_;
  const int64_t feature_size_;
  std::vector<float> features_;
  std::vector<int64_t> ids_;
  std::vector<int64_t> labels_;
  int64_t unlabelled_ = 0;
  EmbeddedImages images_;
  std::vector<Column> targets_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_EMBEDDING_TABLE_H_
