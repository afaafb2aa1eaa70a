// The deterministic transform of evaluation: torchvision's Resize (of the shorter side) and
// CenterCrop on 8-bit images, byte for byte as on PIL images.
#ifndef CASSLE_AUGMENT_PIXELS_EVALUATION_TRANSFORM_H_
#define CASSLE_AUGMENT_PIXELS_EVALUATION_TRANSFORM_H_

#include <array>

#include "absl/status/status.h"
#include "cassle/data/images/image.h"
#include "cassle/data/images/resample.h"

namespace cassle {

// Whether an image of this size, at least one pixel, can be resized so: its longer side would be so
// many pixels that an int counts them.
// \error kDataLoss if not.
absl::Status CheckNotTooThin(int height, int width, int resize_px);

// The shorter side becomes resize_px, the longer int(resize_px * longer / shorter); then the
// central crop_px x crop_px, offset round((side - crop_px) / 2), ties to even. `result` may not be
// `source`.
// \error kInvalidArgument if a size is below 1, crop_px > resize_px, or the image is empty;
// kDataLoss as CheckNotTooThin.
absl::Status ResizeShortSideAndCenterCrop(const RgbImage& source, int resize_px, int crop_px,
                                          Interpolation interpolation, RgbImage* result);

// torchvision's TenCrop after the same resizing: top left, top right, bottom left, bottom right,
// centre, then the same five of the mirrored image. Arguments and errors as above.
absl::Status ResizeShortSideAndTenCrop(const RgbImage& source, int resize_px, int crop_px,
                                       Interpolation interpolation,
                                       std::array<RgbImage, 10>* results);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PIXELS_EVALUATION_TRANSFORM_H_
