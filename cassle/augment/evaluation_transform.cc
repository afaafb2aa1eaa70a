#include "cassle/augment/evaluation_transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {

absl::Status ResizeShortSideAndCenterCrop(const RgbImage& source, int resize_px, int crop_px,
                                          Interpolation interpolation, RgbImage* result) {
  if (crop_px < 1 || resize_px < crop_px) {
    return absl::InvalidArgumentError(absl::StrCat(
        "resize to ", resize_px, " and crop to ", crop_px,
        " pixels is impossible: the crop is at least 1 and at most the resized shorter side"));
  }
  const int shorter = std::min(source.height, source.width);
  if (shorter < 1) return absl::InvalidArgumentError("the image is empty");
  const auto resized_side = [&](int side) {
    return side == shorter ? resize_px
                           : static_cast<int>(static_cast<double>(resize_px) * side / shorter);
  };
  RgbImage resized;
  CASSLE_RETURN_IF_ERROR(Resample(source, WholeImage(source), resized_side(source.height),
                                  resized_side(source.width), interpolation, &resized));
  const int top = static_cast<int>(std::nearbyint((resized.height - crop_px) / 2.0));
  const int left = static_cast<int>(std::nearbyint((resized.width - crop_px) / 2.0));
  result->Resize(crop_px, crop_px);
  for (int y = 0; y < crop_px; ++y) {
    std::memcpy(result->At(y, 0), resized.At(top + y, left), 3 * static_cast<size_t>(crop_px));
  }
  return absl::OkStatus();
}

}  // namespace cassle
