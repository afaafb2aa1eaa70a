#include "cassle/augment/random_resized_crop.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/resample.h"

namespace cassle {
namespace {

constexpr int kAttempts = 10;

bool InPolicy(const v1::Policy& policy) { return policy.has_crop(); }

absl::Status Check(const v1::Policy& policy) {
  const v1::RandomResizedCropPolicy& crop = policy.crop();
  if (!(crop.scale_min() > 0.0 && crop.scale_min() <= crop.scale_max() &&
        crop.scale_max() <= 1.0)) {
    return PolicyError("crop.scale_min, crop.scale_max",
                       absl::StrCat("are ", crop.scale_min(), " and ", crop.scale_max(),
                                    ": fractions of the source's area with 0 < min <= max <= 1, "
                                    "say 0.2 and 1"));
  }
  if (!(crop.ratio_min() > 0.0 && crop.ratio_min() <= crop.ratio_max() &&
        std::isfinite(crop.ratio_max()))) {
    return PolicyError(
        "crop.ratio_min, crop.ratio_max",
        absl::StrCat("are ", crop.ratio_min(), " and ", crop.ratio_max(),
                     ": width / height with 0 < min <= max, say 0.75 and 1.3333333333333333"));
  }
  return absl::OkStatus();
}

// Python's round(): ties to even.
int64_t RoundToEven(double value) { return static_cast<int64_t>(std::nearbyint(value)); }

void SetBox(int64_t top, int64_t left, int64_t height, int64_t width, v1::CropParameters* box) {
  box->set_top(top);
  box->set_left(left);
  box->set_height(height);
  box->set_width(width);
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const v1::RandomResizedCropPolicy& crop = policy.crop();
  const int64_t height = record->source_height();
  const int64_t width = record->source_width();
  const double area = static_cast<double>(height) * width;
  const double log_ratio_min = std::log(crop.ratio_min());
  const double log_ratio_max = std::log(crop.ratio_max());
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double target_area = area * random.Uniform(crop.scale_min(), crop.scale_max());
    const double ratio = std::exp(random.Uniform(log_ratio_min, log_ratio_max));
    const int64_t w = RoundToEven(std::sqrt(target_area * ratio));
    const int64_t h = RoundToEven(std::sqrt(target_area / ratio));
    if (w < 1 || w > width || h < 1 || h > height) continue;
    const int64_t top = random.Below(height - h + 1);
    const int64_t left = random.Below(width - w + 1);
    SetBox(top, left, h, w, record->mutable_crop());
    return;
  }
  int64_t h = height;
  int64_t w = width;
  const double source_ratio = static_cast<double>(width) / height;
  if (source_ratio < crop.ratio_min()) {
    h = RoundToEven(w / crop.ratio_min());
  } else if (source_ratio > crop.ratio_max()) {
    w = RoundToEven(h * crop.ratio_max());
  }
  // Extreme ratios could round to nothing.
  h = std::min(std::max<int64_t>(h, 1), height);
  w = std::min(std::max<int64_t>(w, 1), width);
  SetBox((height - h) / 2, (width - w) / 2, h, w, record->mutable_crop());
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  const v1::CropParameters& box = record->crop();
  const SourcePixels& source = canvas->source;
  const int size = record->size();
  if (source.denominator == 1) {
    const Box part = {.top = static_cast<int>(box.top()) - source.top,
                      .left = static_cast<int>(box.left()) - source.left,
                      .height = static_cast<int>(box.height()),
                      .width = static_cast<int>(box.width())};
    CASSLE_RETURN_IF_ERROR(Resample(*source.pixels, part, size, size, Interpolation::kBilinear,
                                    &canvas->resampling, &canvas->resized));
  } else {
    const double d = source.denominator;
    const FractionalBox part = {.top = box.top() / d - source.top,
                                .left = box.left() / d - source.left,
                                .height = box.height() / d,
                                .width = box.width() / d};
    CASSLE_RETURN_IF_ERROR(Resample(*source.pixels, part, size, size, Interpolation::kBilinear,
                                    &canvas->resampling, &canvas->resized));
  }
  FromRgb8(canvas->resized, &canvas->image);
  return absl::OkStatus();
}

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) {
  SetBox(0, 0, record->source_height(), record->source_width(), record->mutable_crop());
}

std::vector<Caption> Captions(const v1::Policy&, const v1::ViewRecord& record) {
  const v1::CropParameters& box = record.crop();
  const double source_area = static_cast<double>(record.source_height()) * record.source_width();
  const double fraction = static_cast<double>(box.width()) * box.height() / source_area;
  return {{"crop area", absl::StrFormat("%.0f%%", 100 * fraction), 0.0, 0.0, 1.0, fraction}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  const double height = record.source_height();
  const double width = record.source_width();
  const v1::CropParameters& box = record.crop();
  DescribeCrop(box.top() / height, box.left() / width, box.height() / height, box.width() / width,
               record.flipped(), out);
}

}  // namespace

void DescribeCrop(double top, double left, double height, double width, bool flipped, float* out) {
  const double centre_x = left + width / 2;
  out[0] = static_cast<float>(top + height / 2);
  out[1] = static_cast<float>(flipped ? 1 - centre_x : centre_x);
  out[2] = static_cast<float>(height);
  out[3] = static_cast<float>(width);
}

Operation RandomResizedCropOperation() {
  return {.name = "crop",
          .domain = RandomDomain::kCrop,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .apply = Apply,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"crop", 4, Describe}}};
}

}  // namespace cassle
