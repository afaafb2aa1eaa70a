#include "cassle/augment/operations/random_resized_crop.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/operations/random_box.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/resample.h"

namespace cassle {
namespace {

bool InPolicy(const v1::Policy& policy) { return policy.has_crop(); }

BoxRange RangeOf(const v1::RandomResizedCropPolicy& crop) {
  return {crop.scale_min(), crop.scale_max(), crop.ratio_min(), crop.ratio_max()};
}

absl::Status Check(const v1::Policy& policy) {
  return CheckBoxRange("crop", RangeOf(policy.crop()));
}

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
  if (DrawBox(RangeOf(crop), height, width, random, record->mutable_crop())) return;
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

absl::Status CheckRecord(const v1::ViewRecord& record) {
  const v1::CropParameters& box = record.crop();
  if (box.height() >= 1 && box.width() >= 1 &&
      uint64_t{box.top()} + box.height() <= record.source_height() &&
      uint64_t{box.left()} + box.width() <= record.source_width()) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("crop ", box.width(), "x", box.height(), " at ",
                                          box.left(), ",", box.top(),
                                          " does not lie inside the source"));
}

Box SourceBox(const v1::ViewRecord& record) {
  const v1::CropParameters& box = record.crop();
  return {static_cast<int>(box.top()), static_cast<int>(box.left()), static_cast<int>(box.height()),
          static_cast<int>(box.width())};
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  const Box box = SourceBox(*record);
  const SourcePixels& source = canvas->source;
  const int size = record->size();
  if (source.denominator == 1) {
    const Box part = {box.top - source.top, box.left - source.left, box.height, box.width};
    CASSLE_RETURN_IF_ERROR(Resample(*source.pixels, part, size, size, Interpolation::kBilinear,
                                    &canvas->resampling, &canvas->resized));
  } else {
    const double d = source.denominator;
    const FractionalBox part = {box.top / d - source.top, box.left / d - source.left,
                                box.height / d, box.width / d};
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
  return {{"crop area", absl::StrFormat("%.0f%%", 100 * fraction), 0.0, 1.0, 1.0, fraction}};
}

bool Applied(const v1::ViewRecord& record) {
  return record.crop().height() != record.source_height() ||
         record.crop().width() != record.source_width();
}

CropFractions FractionsOf(const v1::ViewRecord& record) {
  const double height = record.source_height();
  const double width = record.source_width();
  const v1::CropParameters& box = record.crop();
  return {box.top() / height, box.left() / width, box.height() / height, box.width() / width};
}

CropMirror MirrorOf(const v1::ViewRecord& record) {
  return {record.flipped(), record.flipped_vertically()};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  DescribeCrop(FractionsOf(record), MirrorOf(record), out);
}

void DescribeRelative(const ViewPair& pair, float* out) {
  DescribeRelativeCrop(FractionsOf(pair.record1), MirrorOf(pair.record1), FractionsOf(pair.record2),
                       MirrorOf(pair.record2), pair.policy1.compat(), out);
}

}  // namespace

void DescribeCrop(const CropFractions& box, const CropMirror& mirror, float* out) {
  const double centre_y = box.top + box.height / 2;
  const double centre_x = box.left + box.width / 2;
  out[0] = static_cast<float>(mirror.vertical ? 1 - centre_y : centre_y);
  out[1] = static_cast<float>(mirror.horizontal ? 1 - centre_x : centre_x);
  out[2] = static_cast<float>(box.height);
  out[3] = static_cast<float>(box.width);
}

void DescribeRelativeCrop(const CropFractions& box1, const CropMirror& mirror1,
                          const CropFractions& box2, const CropMirror& mirror2, v1::Compat compat,
                          float* out) {
  float other[4];
  DescribeCrop(box1, mirror1, out);
  DescribeCrop(box2, compat == v1::OFFICIAL ? mirror1 : mirror2, other);
  for (int k = 0; k < 4; ++k) out[k] -= other[k];
}

DescriptorGroup CropGroup() { return {"crop", 4, Describe, DescribeRelative}; }

Operation RandomResizedCropOperation() {
  return {.name = "crop",
          .work = Work::kCrop,
          .domain = RandomDomain::kCrop,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .check_record = CheckRecord,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {CropGroup()},
          .fill = CanvasFill{SourceBox, /*takes_coarse_source=*/true}};
}

}  // namespace cassle
