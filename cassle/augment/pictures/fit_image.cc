#include "cassle/augment/pictures/fit_image.h"

#include <algorithm>

#include "cassle/base/status_macros.h"
#include "cassle/data/images/resample.h"

namespace cassle {

absl::StatusOr<RgbImage> FitImage(const RgbImage& image, int cell) {
  if (image.height < 1 || image.width < 1) {
    return absl::InvalidArgumentError("an image without pixels has no picture");
  }
  const int longest = std::max(image.height, image.width);
  RgbImage fitted;
  if (longest <= 64 && longest <= cell) {
    const int scale = cell / longest;
    fitted.Resize(image.height * scale, image.width * scale);
    for (int y = 0; y < fitted.height; ++y) {
      for (int x = 0; x < fitted.width; ++x) {
        std::copy_n(image.At(y / scale, x / scale), 3, fitted.At(y, x));
      }
    }
    return fitted;
  }
  const auto side = [=](int pixels) {
    return std::max(1, static_cast<int>(static_cast<int64_t>(pixels) * cell / longest));
  };
  CASSLE_RETURN_IF_ERROR(Resample(image, WholeImage(image), side(image.height), side(image.width),
                                  Interpolation::kBicubic, &fitted));
  return fitted;
}

}  // namespace cassle
