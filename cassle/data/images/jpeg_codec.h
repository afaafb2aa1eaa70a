// The JPEG half of cassle/data/images/codec.h, which is what to include.
#ifndef CASSLE_DATA_IMAGES_JPEG_CODEC_H_
#define CASSLE_DATA_IMAGES_JPEG_CODEC_H_

#include "cassle/data/images/codec.h"

namespace cassle {

absl::StatusOr<ImageHeader> ReadJpegHeader(absl::string_view file_bytes);
// report may be null.
absl::Status DecodeJpeg(absl::string_view file_bytes, const DecodeLimits& limits, RgbImage* image,
                        DecodeReport* report);
// region->image_height and image_width are what the image must have; the box lies inside them.
absl::Status DecodeJpegRegion(absl::string_view file_bytes, const RegionRequest& request,
                              const DecodeLimits& limits, ImageRegion* region);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_JPEG_CODEC_H_
