// The encoder that gives new images the features that something else was made from.
#ifndef CASSLE_EVAL_ON_IMAGES_MATCHING_ENCODER_H_
#define CASSLE_EVAL_ON_IMAGES_MATCHING_ENCODER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/eval/embeddings/feature_origin.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/stage/stage.h"

namespace cassle {

struct MatchingEncoderOptions {
  // Folder of --model.
  std::string model;
  // The option that named what was made from the features, and the folder it named.
  std::string flag;
  std::string folder;
  FeatureOrigin origin;
  // Width of the features.
  int64_t columns = 0;
  bool bfloat16 = false;
  std::string device;
};

// Images are prepared, and features read, as for those. Notes another precision.
// \error kFailedPrecondition if they come from other weights, from images prepared otherwise, or
// have several rows per image; as ReadModelSpec, LoadBackbone and FrozenEncoder::Create.
absl::StatusOr<std::unique_ptr<FrozenEncoder>> OpenMatchingEncoder(
    const MatchingEncoderOptions& options, StageContext* context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_MATCHING_ENCODER_H_
