#include "cassle/augment/pixels/evaluation_transform.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// The image with its shorter side resized, of which windows are made.
class Resized {
 public:
  Resized(const RgbImage& source, int crop_px, Interpolation interpolation)
      : source_(source), crop_px_(crop_px), interpolation_(interpolation) {}

  absl::Status SetSize(int resize_px) {
    if (crop_px_ < 1 || resize_px < crop_px_) {
      return absl::InvalidArgumentError(absl::StrCat(
          "resize to ", resize_px, " and crop to ", crop_px_,
          " pixels is impossible: the crop is at least 1 and at most the resized shorter side"));
    }
    const int shorter = std::min(source_.height, source_.width);
    if (shorter < 1) return absl::InvalidArgumentError("the image is empty");
    CASSLE_RETURN_IF_ERROR(CheckNotTooThin(source_.height, source_.width, resize_px));
    const auto resized_side = [&](int side) {
      return side == shorter ? resize_px
                             : static_cast<int>(static_cast<double>(resize_px) * side / shorter);
    };
    height_ = resized_side(source_.height);
    width_ = resized_side(source_.width);
    return absl::OkStatus();
  }

  int bottom() const { return height_ - crop_px_; }
  int right() const { return width_ - crop_px_; }
  int center_top() const { return static_cast<int>(std::nearbyint(bottom() / 2.0)); }
  int center_left() const { return static_cast<int>(std::nearbyint(right() / 2.0)); }

  absl::Status Crop(int top, int left, RgbImage* result) {
    return ResampleWindow(source_, height_, width_, {top, left, crop_px_, crop_px_}, interpolation_,
                          &scratch_, result);
  }

 private:
  const RgbImage& source_;
  const int crop_px_;
  const Interpolation interpolation_;
  int height_ = 0;
  int width_ = 0;
  ResampleScratch scratch_;
};

void MirrorRows(RgbImage* image) {
  for (int y = 0; y < image->height; ++y) {
    for (int left = 0, right = image->width - 1; left < right; ++left, --right) {
      std::swap_ranges(image->At(y, left), image->At(y, left) + 3, image->At(y, right));
    }
  }
}

}  // namespace

absl::Status CheckNotTooThin(int height, int width, int resize_px) {
  const auto [shorter, longer] = std::minmax({height, width});
  if (static_cast<double>(resize_px) * longer / shorter <= INT_MAX) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(width, "x", height,
                                          " pixels are too long and thin to be resized to ",
                                          resize_px, ": leave the image out"));
}

absl::Status ResizeShortSideAndCenterCrop(const RgbImage& source, int resize_px, int crop_px,
                                          Interpolation interpolation, RgbImage* result) {
  Resized resized(source, crop_px, interpolation);
  CASSLE_RETURN_IF_ERROR(resized.SetSize(resize_px));
  return resized.Crop(resized.center_top(), resized.center_left(), result);
}

absl::Status ResizeShortSideAndTenCrop(const RgbImage& source, int resize_px, int crop_px,
                                       Interpolation interpolation,
                                       std::array<RgbImage, 10>* results) {
  Resized resized(source, crop_px, interpolation);
  CASSLE_RETURN_IF_ERROR(resized.SetSize(resize_px));
  const int bottom = resized.bottom(), right = resized.right();
  const int center_top = resized.center_top(), center_left = resized.center_left();
  const std::array<std::pair<int, int>, 5> places = {
      {{0, 0}, {0, right}, {bottom, 0}, {bottom, right}, {center_top, center_left}}};
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& [top, left] = places[i];
    CASSLE_RETURN_IF_ERROR(resized.Crop(top, left, &(*results)[i]));
    // Of the mirrored image: what stands at the other side, mirrored.
    RgbImage& mirrored = (*results)[places.size() + i];
    CASSLE_RETURN_IF_ERROR(resized.Crop(top, right - left, &mirrored));
    MirrorRows(&mirrored);
  }
  return absl::OkStatus();
}

}  // namespace cassle
