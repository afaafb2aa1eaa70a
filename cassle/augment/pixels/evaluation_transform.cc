#include "cassle/augment/pixels/evaluation_transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

absl::Status ResizeShortSide(const RgbImage& source, int resize_px, int crop_px,
                             Interpolation interpolation, RgbImage* resized) {
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
  return Resample(source, WholeImage(source), resized_side(source.height),
                  resized_side(source.width), interpolation, resized);
}

void Crop(const RgbImage& image, int top, int left, int side, RgbImage* result) {
  result->Resize(side, side);
  for (int y = 0; y < side; ++y) {
    std::memcpy(result->At(y, 0), image.At(top + y, left), 3 * static_cast<size_t>(side));
  }
}

void MirrorRows(RgbImage* image) {
  for (int y = 0; y < image->height; ++y) {
    for (int left = 0, right = image->width - 1; left < right; ++left, --right) {
      std::swap_ranges(image->At(y, left), image->At(y, left) + 3, image->At(y, right));
    }
  }
}

void CenterCrop(const RgbImage& image, int side, RgbImage* result) {
  const int top = static_cast<int>(std::nearbyint((image.height - side) / 2.0));
  const int left = static_cast<int>(std::nearbyint((image.width - side) / 2.0));
  Crop(image, top, left, side, result);
}

}  // namespace

absl::Status ResizeShortSideAndCenterCrop(const RgbImage& source, int resize_px, int crop_px,
                                          Interpolation interpolation, RgbImage* result) {
  RgbImage resized;
  CASSLE_RETURN_IF_ERROR(ResizeShortSide(source, resize_px, crop_px, interpolation, &resized));
  CenterCrop(resized, crop_px, result);
  return absl::OkStatus();
}

absl::Status ResizeShortSideAndTenCrop(const RgbImage& source, int resize_px, int crop_px,
                                       Interpolation interpolation,
                                       std::array<RgbImage, 10>* results) {
  RgbImage resized;
  CASSLE_RETURN_IF_ERROR(ResizeShortSide(source, resize_px, crop_px, interpolation, &resized));
  const int bottom = resized.height - crop_px, right = resized.width - crop_px;
  RgbImage* result = results->data();
  for (const bool mirrored : {false, true}) {
    if (mirrored) MirrorRows(&resized);
    for (const int top : {0, bottom}) {
      for (const int left : {0, right}) Crop(resized, top, left, crop_px, result++);
    }
    CenterCrop(resized, crop_px, result++);
  }
  return absl::OkStatus();
}

}  // namespace cassle
