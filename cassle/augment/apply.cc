#include "cassle/augment/apply.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/operations.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr uint32_t kMaxSize = 4096;

// What a damaged or foreign record could break: everything here is checked before pixels are
// touched.
absl::Status CheckFields(int height, int width, const v1::ViewRecord& record) {
  if (record.source_height() != static_cast<uint32_t>(height) ||
      record.source_width() != static_cast<uint32_t>(width)) {
    return absl::DataLossError(absl::StrCat(
        "was drawn for a source of ", record.source_width(), "x", record.source_height(),
        " pixels, but the image has ", width, "x", height, ": these views belong to other images"));
  }
  if (record.size() < 1 || record.size() > kMaxSize) {
    return absl::DataLossError(absl::StrCat("size ", record.size(), " is not 1 to ", kMaxSize));
  }
  const v1::CropParameters& box = record.crop();
  if (box.height() < 1 || box.width() < 1 ||
      uint64_t{box.top()} + box.height() > record.source_height() ||
      uint64_t{box.left()} + box.width() > record.source_width()) {
    return absl::DataLossError(absl::StrCat("crop ", box.width(), "x", box.height(), " at ",
                                            box.left(), ",", box.top(),
                                            " does not lie inside the source"));
  }
  if (record.has_blur()) {
    const v1::BlurParameters& blur = record.blur();
    if (blur.kernel_px() % 2 == 0 || blur.kernel_px() / 2 >= record.size() ||
        !(blur.sigma_px() >= 0.0f && blur.sigma_px() <= kMaxBlurSigmaPx)) {
      return absl::DataLossError(absl::StrCat("blur with ", blur.kernel_px(), " taps and sigma ",
                                              blur.sigma_px(), " is impossible at ", record.size(),
                                              " pixels"));
    }
  }
  if (record.has_color_jitter()) {
    const v1::ColorJitterParameters& jitter = record.color_jitter();
    for (float factor : {jitter.brightness(), jitter.contrast(), jitter.saturation()}) {
      if (!(factor >= 0.0f && factor <= 1.0f + kMaxColorStrength)) {
        return absl::DataLossError(absl::StrCat("colour factor ", factor, " is out of range"));
      }
    }
    if (!(std::fabs(jitter.hue()) <= 0.5f)) {
      return absl::DataLossError(absl::StrCat("hue ", jitter.hue(), " is not -0.5 to 0.5 turns"));
    }
    if (jitter.order_size() > v1::ColorOperation_ARRAYSIZE) {
      return absl::DataLossError(
          absl::StrCat("an order of ", jitter.order_size(), " colour operations; there are four"));
    }
  }
  if (record.quarter_turns() > 3) {
    return absl::DataLossError(
        absl::StrCat(record.quarter_turns(), " quarter turns; there are 0 to 3"));
  }
  return absl::OkStatus();
}

// The work of every operation, and kOther for the rounding after the last: the time account's clock
// is stamped where the work changes.
const std::vector<Work>& OperationWorks() {
  static const auto& works = *[] {
    auto* of = new std::vector<Work>;
    for (const Operation& operation : Operations()) of->push_back(WorkOf(operation));
    of->push_back(Work::kOther);
    return of;
  }();
  return works;
}

absl::Status ApplyOperations(const SourcePixels& source, v1::ViewRecord* record, Canvas* canvas) {
  CASSLE_RETURN_IF_ERROR(CheckFields(source.height, source.width, *record));
  canvas->source = source;
  const std::vector<Operation>& operations = Operations();
  const std::vector<Work>& works = OperationWorks();
  for (size_t i = 0; i < operations.size(); ++i) {
    CASSLE_RETURN_IF_ERROR(operations[i].apply(record, canvas));
    if (works[i + 1] != works[i]) canvas->clock.Lap(works[i]);
  }
  return absl::OkStatus();
}

std::string NameOf(const v1::ViewRecord& record) {
  return absl::StrCat("view ", record.view(), " of image ", record.image_id(), ", epoch ",
                      record.epoch());
}

}  // namespace

absl::Status CheckRecord(int height, int width, const v1::ViewRecord& record) {
  const absl::Status status = CheckFields(height, width, record);
  return status.ok() ? status : Annotate(status, NameOf(record));
}

absl::Status ApplyView(const SourcePixels& source, v1::ViewRecord* record, Canvas* canvas,
                       RgbImage* view) {
  const absl::Status status = ApplyOperations(source, record, canvas);
  if (!status.ok()) return Annotate(status, NameOf(*record));
  ToRgb8(canvas->image, view);
  canvas->clock.Lap(Work::kOther);
  return absl::OkStatus();
}

absl::Status ApplyView(const RgbImage& source, v1::ViewRecord* record, Canvas* canvas,
                       RgbImage* view) {
  return ApplyView(SourcePixels(source), record, canvas, view);
}

absl::Status ApplyView(const RgbImage& source, v1::ViewRecord* record, RgbImage* view) {
  Canvas canvas;
  return ApplyView(source, record, &canvas, view);
}

}  // namespace cassle
