#include "cassle/augment/operations/evaluation_crop.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/augment/operations/random_resized_crop.h"
#include "cassle/augment/pixels/evaluation_transform.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr int kMaxResize = 8192;

bool InPolicy(const v1::Policy& policy) { return policy.has_evaluation_crop(); }

absl::Status Check(const v1::Policy& policy) {
  const int resize_px = policy.evaluation_crop().resize_px();
  if (resize_px >= policy.size() && resize_px <= kMaxResize) return absl::OkStatus();
  return PolicyError(
      "evaluation_crop.resize_px",
      absl::StrCat("is ", resize_px, ": the shorter side is resized to it and ", policy.size(),
                   " pixels are cut out, so give ", policy.size(), " to ", kMaxResize));
}

void SetBox(v1::ViewRecord* record) {
  const int height = static_cast<int>(record->source_height());
  const int width = static_cast<int>(record->source_width());
  const int shorter = std::min(height, width);
  const double seen =
      static_cast<double>(record->size()) * shorter / record->evaluation_crop().resize_px();
  const int side = std::min(shorter, std::max(1, static_cast<int>(std::lround(seen))));
  v1::CropParameters* box = record->mutable_crop();
  box->set_top((height - side) / 2);
  box->set_left((width - side) / 2);
  box->set_height(side);
  box->set_width(side);
}

void Sample(const v1::Policy& policy, Philox&, v1::ViewRecord* record) {
  record->mutable_evaluation_crop()->set_resize_px(policy.evaluation_crop().resize_px());
  SetBox(record);
}

absl::Status CheckRecord(const v1::ViewRecord& record) {
  if (!record.has_evaluation_crop()) return absl::OkStatus();
  const uint32_t resize_px = record.evaluation_crop().resize_px();
  if (resize_px < record.size() || resize_px > kMaxResize) {
    return absl::DataLossError(absl::StrCat("evaluation crop with a shorter side of ", resize_px,
                                            " pixels is impossible for a view of ", record.size()));
  }
  return CheckNotTooThin(static_cast<int>(record.source_height()),
                         static_cast<int>(record.source_width()), static_cast<int>(resize_px));
}

// The whole: it is resized before it is cut.
Box SourceBox(const v1::ViewRecord& record) {
  if (!record.has_evaluation_crop()) return {};
  return {0, 0, static_cast<int>(record.source_height()), static_cast<int>(record.source_width())};
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  const SourcePixels& source = canvas->source;
  if (source.pixels->height != source.height || source.pixels->width != source.width) {
    return absl::DataLossError("an evaluation crop needs the whole image, exactly decoded");
  }
  CASSLE_RETURN_IF_ERROR(ResizeShortSideAndCenterCrop(
      *source.pixels, static_cast<int>(record->evaluation_crop().resize_px()),
      static_cast<int>(record->size()), Interpolation::kBicubic, &canvas->resized));
  FromRgb8(canvas->resized, &canvas->image);
  return absl::OkStatus();
}

bool Applied(const v1::ViewRecord& record) { return record.has_evaluation_crop(); }

// Of a square source of the view's size.
void SetIdentity(const v1::Policy&, v1::ViewRecord* record) {
  record->mutable_evaluation_crop()->set_resize_px(record->size());
  SetBox(record);
}

std::vector<Caption> Captions(const v1::Policy&, const v1::ViewRecord& record) {
  if (!record.has_evaluation_crop()) return {{"short side", ""}, {"seen", ""}};
  return {{"short side", absl::StrCat(record.evaluation_crop().resize_px())},
          {"seen", absl::StrCat(record.crop().width(), " x ", record.crop().height())}};
}

}  // namespace

Operation EvaluationCropOperation() {
  return {.name = "evaluation_crop",
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
          .fill = CanvasFill{SourceBox, /*takes_coarse_source=*/false}};
}

}  // namespace cassle
