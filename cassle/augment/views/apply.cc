#include "cassle/augment/views/apply.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr uint32_t kMaxSize = 4096;

// What a damaged or foreign record could break: everything here is checked before pixels are
// touched.
absl::Status CheckFields(int height, int width, const v1::ViewRecord& record) {
  // Of a record of an image, which may hold more than an int does.
  if (height < 1 || width < 1) {
    return absl::DataLossError(absl::StrCat("the image has ", static_cast<uint32_t>(width), "x",
                                            static_cast<uint32_t>(height),
                                            " pixels, which no image can have"));
  }
  if (record.source_height() != static_cast<uint32_t>(height) ||
      record.source_width() != static_cast<uint32_t>(width)) {
    return absl::DataLossError(absl::StrCat(
        "was drawn for a source of ", record.source_width(), "x", record.source_height(),
        " pixels, but the image has ", width, "x", height, ": these views belong to other images"));
  }
  if (record.size() < 1 || record.size() > kMaxSize) {
    return absl::DataLossError(absl::StrCat("size ", record.size(), " is not 1 to ", kMaxSize));
  }
  for (const Operation& operation : Operations()) {
    CASSLE_RETURN_IF_ERROR(operation.check_record(record));
  }
  return absl::OkStatus();
}

absl::Status ApplyOperations(const SourcePixels& source, v1::ViewRecord* record, Canvas* canvas) {
  CASSLE_RETURN_IF_ERROR(CheckFields(source.height, source.width, *record));
  canvas->source = source;
  const Operation& fill = FillOf(*record);
  CASSLE_RETURN_IF_ERROR(fill.apply(record, canvas));
  // The time account's clock is stamped where the work changes; kOther after the rounding that
  // follows.
  Work work = fill.work;
  for (const Operation& operation : Operations()) {
    if (operation.fill.has_value()) continue;
    if (operation.work != work) canvas->clock.Lap(work);
    work = operation.work;
    CASSLE_RETURN_IF_ERROR(operation.apply(record, canvas));
  }
  if (work != Work::kOther) canvas->clock.Lap(work);
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
