// New images on their way to features: read in the order of a source, decoded, prepared and run
// through an encoder by several threads.
#ifndef CASSLE_EVAL_ON_IMAGES_NEW_IMAGES_H_
#define CASSLE_EVAL_ON_IMAGES_NEW_IMAGES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/data/sources/source.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/stage/stage.h"

namespace cassle {

struct NewImage {
  std::string key;
  // Why it has no features, if so.
  absl::Status status;
  // As SourceItem's.
  std::vector<std::string> remarks;
  // A JPEG file of at most kPictureSide pixels a side, of the first images that have features.
  std::string picture;
};

struct NewBatch {
  // In the order of the source.
  std::vector<NewImage> images;
  // [images whose status is OK, feature_size], row-major.
  std::vector<float> features;
};

struct NewImageOptions {
  // Images that go through the encoder together; those that cannot be read are among them.
  int64_t batch_size = 1;
  int64_t max_pixels = 0;
  // So many of the first images that have features get a picture.
  int64_t pictures = 0;
};

constexpr int kPictureSide = 160;

// Hands on batch after batch to `take`, which may take it apart. Which images are in a batch
// depends on the source alone; at most twice context.threads() + 1 batches are in memory.
// \error of the source as a whole, of the encoder, of `take`; kDataLoss naming the image whose
// features are not finite; kAborted if memory is refused; kCancelled when interrupted.
absl::Status ForEachNewBatch(const NewImageOptions& options, const FrozenEncoder& encoder,
                             const StageContext& context, ImageSource* source,
                             const std::function<absl::Status(NewBatch*)>& take);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_NEW_IMAGES_H_
