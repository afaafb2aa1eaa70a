// The JPEG half of cassle/data/codec.h, which is what to include.
#ifndef CASSLE_DATA_JPEG_CODEC_H_
#define CASSLE_DATA_JPEG_CODEC_H_

#include "cassle/data/codec.h"

namespace cassle {

absl::StatusOr<ImageHeader> ReadJpegHeader(absl::string_view file_bytes);
absl::Status DecodeJpeg(absl::string_view file_bytes, const DecodeLimits& limits, RgbImage* image);

}  // namespace cassle

#endif  // CASSLE_DATA_JPEG_CODEC_H_
