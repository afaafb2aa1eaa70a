// Images as cells of a picture.
#ifndef CASSLE_AUGMENT_PICTURES_FIT_IMAGE_H_
#define CASSLE_AUGMENT_PICTURES_FIT_IMAGE_H_

#include "absl/status/statusor.h"
#include "cassle/data/images/image.h"

namespace cassle {

// The image with its longer side as large as fits into `cell` pixels. Images of at most 64 pixels
// keep their square pixels: they are enlarged by a whole number. cell >= 1.
// \error kInvalidArgument for an image without pixels.
absl::StatusOr<RgbImage> FitImage(const RgbImage& image, int cell);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PICTURES_FIT_IMAGE_H_
