#include "cassle/augment/operations/cutout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/operations/random_box.h"
#include "cassle/augment/operations/random_resized_crop.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

bool InPolicy(const v1::Policy& policy) { return policy.has_cutout(); }

BoxRange RangeOf(const v1::CutoutPolicy& cutout) {
  return {cutout.scale_min(), cutout.scale_max(), cutout.ratio_min(), cutout.ratio_max()};
}

absl::Status Check(const v1::Policy& policy) {
  const v1::CutoutPolicy& cutout = policy.cutout();
  CASSLE_RETURN_IF_ERROR(CheckBoxRange("cutout", RangeOf(cutout)));
  if (cutout.fill_size() != 0 && cutout.fill_size() != 3) {
    return PolicyError("cutout.fill", absl::StrCat("has ", cutout.fill_size(),
                                                   " values: give three (R, G, B) in [0, 1], or "
                                                   "none for the policy's mean"));
  }
  for (double value : cutout.fill()) {
    if (!(value >= 0.0 && value <= 1.0)) {
      return PolicyError("cutout.fill",
                         absl::StrCat("has the value ", value, ": pixels lie between 0 and 1"));
    }
  }
  return CheckProbability("cutout.probability", cutout.probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const v1::CutoutPolicy& cutout = policy.cutout();
  if (!random.Bernoulli(cutout.probability())) return;
  v1::CropParameters box;
  if (!DrawBox(RangeOf(cutout), policy.size(), policy.size(), random, &box)) return;
  *record->mutable_cutout()->mutable_box() = box;
  for (double value : cutout.fill_size() == 3 ? cutout.fill() : policy.mean()) {
    record->mutable_cutout()->add_fill(static_cast<float>(value));
  }
}

absl::Status CheckRecord(const v1::ViewRecord& record) {
  if (!record.has_cutout()) return absl::OkStatus();
  const v1::CutoutParameters& cutout = record.cutout();
  const v1::CropParameters& box = cutout.box();
  if (!IsColor(cutout.fill()) || uint64_t{box.top()} + box.height() > record.size() ||
      uint64_t{box.left()} + box.width() > record.size()) {
    return absl::DataLossError(absl::StrCat(
        "cutout ", box.width(), "x", box.height(), " at ", box.left(), ",", box.top(), " with ",
        cutout.fill_size(), " colour values (three in [0, 1] are possible) does not fit a view of ",
        record.size(), " pixels"));
  }
  return absl::OkStatus();
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (!record->has_cutout()) return absl::OkStatus();
  const v1::CutoutParameters& cutout = record->cutout();
  EraseBox(cutout.box(), {cutout.fill(0), cutout.fill(1), cutout.fill(2)}, &canvas->image);
  return absl::OkStatus();
}

bool Applied(const v1::ViewRecord& record) { return record.has_cutout(); }

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) { record->clear_cutout(); }

std::vector<Caption> Captions(const v1::Policy& policy, const v1::ViewRecord& record) {
  if (!Applied(record)) return {{"cutout", ""}};
  const v1::CropParameters& box = record.cutout().box();
  const double fraction = static_cast<double>(box.height()) * box.width() /
                          (static_cast<double>(record.size()) * record.size());
  return {{"cutout", absl::StrFormat("%.0f%%", 100 * fraction), 0.0, 0.0,
           policy.cutout().scale_max(), fraction}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  std::fill(out, out + 4, 0.0f);
  if (!Applied(record)) return;
  const v1::CropParameters& box = record.cutout().box();
  const double size = record.size();
  DescribeCrop({box.top() / size, box.left() / size, box.height() / size, box.width() / size}, {},
               out);
}

bool UsesMean(const v1::Policy& policy) {
  return policy.has_cutout() && policy.cutout().fill_size() == 0;
}

}  // namespace

void EraseBox(const v1::CropParameters& box, const std::array<float, 3>& fill, FloatImage* image) {
  for (int c = 0; c < 3; ++c) {
    float* row = image->plane(c) + int64_t{box.top()} * image->width + box.left();
    for (uint32_t y = 0; y < box.height(); ++y, row += image->width) {
      std::fill(row, row + box.width(), fill[c]);
    }
  }
}

Operation CutoutOperation() {
  return {.name = "cutout",
          .work = Work::kOther,
          .domain = RandomDomain::kCutout,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .check_record = CheckRecord,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"cutout", 4, Describe}},
          .uses_mean = UsesMean};
}

}  // namespace cassle
