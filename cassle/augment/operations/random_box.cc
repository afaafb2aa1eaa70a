#include "cassle/augment/operations/random_box.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/augment/operations/operation.h"

namespace cassle {
namespace {

constexpr int kAttempts = 10;

}  // namespace

int64_t RoundToEven(double value) {
  return static_cast<int64_t>(std::nearbyint(std::min(value, 1e9)));
}

absl::Status CheckBoxRange(absl::string_view field, const BoxRange& range) {
  if (!(range.scale_min > 0.0 && range.scale_min <= range.scale_max && range.scale_max <= 1.0)) {
    return PolicyError(absl::StrCat(field, ".scale_min, ", field, ".scale_max"),
                       absl::StrCat("are ", range.scale_min, " and ", range.scale_max,
                                    ": fractions of the area with 0 < min <= max <= 1, say 0.2 "
                                    "and 1"));
  }
  if (!(range.ratio_min > 0.0 && range.ratio_min <= range.ratio_max &&
        std::isfinite(range.ratio_max))) {
    return PolicyError(
        absl::StrCat(field, ".ratio_min, ", field, ".ratio_max"),
        absl::StrCat("are ", range.ratio_min, " and ", range.ratio_max,
                     ": width / height with 0 < min <= max, say 0.75 and 1.3333333333333333"));
  }
  return absl::OkStatus();
}

bool DrawBox(const BoxRange& range, int64_t height, int64_t width, Philox& random,
             v1::CropParameters* box) {
  const double area = static_cast<double>(height) * width;
  const double log_ratio_min = std::log(range.ratio_min);
  const double log_ratio_max = std::log(range.ratio_max);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double target_area = area * random.Uniform(range.scale_min, range.scale_max);
    const double ratio = std::exp(random.Uniform(log_ratio_min, log_ratio_max));
    const int64_t w = RoundToEven(std::sqrt(target_area * ratio));
    const int64_t h = RoundToEven(std::sqrt(target_area / ratio));
    if (w < 1 || w > width || h < 1 || h > height) continue;
    box->set_top(random.Below(height - h + 1));
    box->set_left(random.Below(width - w + 1));
    box->set_height(h);
    box->set_width(w);
    return true;
  }
  return false;
}

}  // namespace cassle
