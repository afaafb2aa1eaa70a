// The PNG half of cassle/data/images/codec.h, which is what to include.
#ifndef CASSLE_DATA_IMAGES_PNG_CODEC_H_
#define CASSLE_DATA_IMAGES_PNG_CODEC_H_

#include "cassle/data/images/codec.h"

namespace cassle {

absl::StatusOr<ImageHeader> ReadPngHeader(absl::string_view file_bytes);
// report may be null.
absl::Status DecodePng(absl::string_view file_bytes, const DecodeLimits& limits, RgbImage* image,
                       DecodeReport* report);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_PNG_CODEC_H_
