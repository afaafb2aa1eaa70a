#include "cassle/augment/batch_of_step.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/pictures/contact_sheet.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/recording/view_shard_writer.h"
#include "cassle/augment/recording_options.h"
#include "cassle/augment/training_record.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/dataset.h"

namespace cassle {
namespace {

using Options = v1::AugmentAndRecordOptions;

// What the training read must be given, and be the same.
absl::Status CheckSource(const std::string& flag, const std::string& given,
                         const std::string& fingerprint, const std::string& of_training,
                         const std::string& run) {
  if (of_training.empty() && !given.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, "=", given, ": ", run, " was trained without; leave it out"));
  }
  if (!of_training.empty() && given.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " is missing: name the folder that ", run, " was trained from"));
  }
  if (fingerprint == of_training) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(flag, "=", given, " has fingerprint ", fingerprint, ", and ", run,
                   " was trained from ", of_training, ": name that folder"));
}

class BatchRecorder {
 public:
  BatchRecorder(const Options& options, TrainingRecord training, StageContext& context)
      : options_(options), training_(std::move(training)), context_(context) {}

  absl::Status Run() {
    CASSLE_RETURN_IF_ERROR(CheckSource("--input", options_.input(),
                                       context_.input_fingerprint("input"),
                                       training_.input_fingerprint, options_.run()));
    CASSLE_RETURN_IF_ERROR(CheckSource("--recorded", options_.recorded(),
                                       context_.input_fingerprint("recorded"),
                                       training_.views_fingerprint, options_.run()));
    CASSLE_RETURN_IF_ERROR(LoadBatch());
    const int64_t in_epoch = batch_->batch_in_epoch + 1;
    context_.Note(absl::StrCat("step ", options_.step(), " is batch ", in_epoch, " of ",
                               batches_per_epoch_, " of epoch ", batch_->epoch + 1));
    info_.set_step(options_.step());
    info_.set_epoch(batch_->epoch + 1);
    info_.set_batch_in_epoch(in_epoch);
    *info_.mutable_image_ids() = {batch_->image_ids.begin(), batch_->image_ids.end()};
    CASSLE_RETURN_IF_ERROR(WriteRecords());
    CASSLE_RETURN_IF_ERROR(WriteSheets());
    CASSLE_RETURN_IF_ERROR(
        WriteFile(JoinPath(context_.output_dir(), kBatchInfoName), PrintTextProto(info_)));
    v1::AugmentAndRecordResult result;
    result.set_images(batch_->batch_size);
    result.set_records(static_cast<int64_t>(batch_->records.size()));
    result.set_shards(info_.views().shards_size());
    result.set_policy(training_.policy.name());
    context_.Count("images", result.images());
    context_.Count("views", result.records());
    return context_.SetResult(result);
  }

 private:
  absl::Status LoadBatch() {
    int64_t num_images = 0;
    v1::ViewsInfo* const info = info_.mutable_views();
    if (!options_.input().empty()) {
      CASSLE_ASSIGN_OR_RETURN(images_,
                              Dataset::Open(options_.input(), training_.split, /*flag=*/""));
      num_images = images_->size();
      info->set_first_image_id(images_->first_id());
      info->set_split(images_->split().name());
    }
    if (!options_.recorded().empty()) {
      CASSLE_ASSIGN_OR_RETURN(const auto recorded, RecordedViews::Open(options_.recorded()));
      num_images = recorded->info().num_images();
      info->set_first_image_id(recorded->info().first_image_id());
      info->set_split(recorded->info().split());
    }
    info->set_num_images(num_images);
    info->set_dataset_fingerprint(training_.input_fingerprint);
    batches_per_epoch_ = num_images / training_.batch_size;
    const int64_t steps = batches_per_epoch_ * training_.epochs;
    if (options_.step() > steps) {
      return absl::InvalidArgumentError(absl::StrCat("--step=", options_.step(), ": ",
                                                     options_.run(), " has steps 1 to ", steps));
    }
    ViewLoaderOptions loading;
    loading.images = images_;
    loading.views_dir = options_.recorded();
    loading.policy = training_.policy;
    loading.views = training_.views;
    loading.seed = training_.seed;
    loading.batch_size = training_.batch_size;
    loading.num_epochs = training_.epochs;
    loading.first_epoch = (options_.step() - 1) / batches_per_epoch_;
    loading.first_batch = (options_.step() - 1) % batches_per_epoch_;
    loading.keep_records = true;
    CASSLE_ASSIGN_OR_RETURN(const auto loader, ViewLoader::Create(loading));
    CASSLE_ASSIGN_OR_RETURN(batch_, loader->Next());
    if (batch_ == nullptr) return absl::InternalError("the loader has no such batch");
    return absl::OkStatus();
  }

  RgbImage View(int64_t row, int view) const {
    RgbImage image;
    const int side = batch_->sizes[view];
    image.Resize(side, side);
    std::memcpy(image.pixels.data(),
                batch_->pixels[view].data() + row * static_cast<int64_t>(image.pixels.size()),
                image.pixels.size());
    return image;
  }

  absl::Status WriteRecords() {
    const v1::ImageFormat format = PixelFormat(options_);
    const int64_t records = static_cast<int64_t>(batch_->records.size());
    ViewShardWriter writer(context_.output_dir(), options_.records_per_shard() > 0
                                                      ? options_.records_per_shard()
                                                      : records);
    for (int64_t i = 0; i < records; ++i) {
      const int64_t row = i / training_.views;
      v1::ViewRecord record = batch_->records[i];
      // The loader draws parameters without it.
      if (batch_->labels[row] >= 0) record.set_label(batch_->labels[row]);
      if (format != v1::IMAGE_FORMAT_UNSPECIFIED) {
        record.set_pixel_format(format);
        const RgbImage view = View(row, static_cast<int>(i % training_.views));
        CASSLE_ASSIGN_OR_RETURN(*record.mutable_pixels(),
                                EncodeImage(view, format, options_.jpeg_quality()));
      }
      CASSLE_RETURN_IF_ERROR(writer.Append(record.SerializeAsString()));
    }
    v1::ViewsInfo* const info = info_.mutable_views();
    *info->mutable_policy() = training_.policy;
    info->set_seed(training_.seed);
    info->set_epochs(static_cast<uint32_t>(training_.epochs));
    info->set_views(training_.views);
    info->set_batch_size(training_.batch_size);
    info->set_pixel_format(format);
    if (format == v1::JPEG) info->set_jpeg_quality(options_.jpeg_quality());
    return writer.Finish(info);
  }

  absl::StatusOr<ContactSheetRow> SheetRow(int64_t row) const {
    ContactSheetRow shown;
    if (images_ != nullptr) {
      v1::ImageRecord image;
      CASSLE_RETURN_IF_ERROR(
          images_->ReadImage(static_cast<int64_t>(batch_->image_ids[row] - images_->first_id()),
                             &image, &shown.source));
      shown.key = image.key();
    }
    const auto first = batch_->records.begin() + row * training_.views;
    shown.records.assign(first, first + training_.views);
    for (int view = 0; view < training_.views; ++view) shown.views.push_back(View(row, view));
    return shown;
  }

  absl::Status WriteSheets() const {
    const int64_t images = batch_->batch_size;
    const int64_t sheets = (images + kImagesPerSheet - 1) / kImagesPerSheet;
    for (int64_t sheet = 0; sheet < sheets; ++sheet) {
      const int64_t first = sheet * kImagesPerSheet;
      const int64_t last = std::min(images, first + kImagesPerSheet);
      std::vector<ContactSheetRow> rows;
      for (int64_t row = first; row < last; ++row) {
        CASSLE_ASSIGN_OR_RETURN(rows.emplace_back(), SheetRow(row));
      }
      const std::string title =
          absl::StrCat("step ", options_.step(), ", epoch ", batch_->epoch + 1, ": images ",
                       first + 1, " to ", last, " of ", images);
      CASSLE_ASSIGN_OR_RETURN(const RgbImage picture,
                              DrawContactSheet(title, training_.policy, rows));
      CASSLE_ASSIGN_OR_RETURN(const std::string png, EncodePng(picture));
      CASSLE_RETURN_IF_ERROR(WriteFile(
          JoinPath(context_.output_dir(), absl::StrFormat("batch-%05d-of-%05d.png", sheet, sheets)),
          png));
    }
    return absl::OkStatus();
  }

  const Options& options_;
  const TrainingRecord training_;
  StageContext& context_;
  // Null where recorded pixels were all that the training had.
  std::shared_ptr<const Dataset> images_;
  int64_t batches_per_epoch_ = 0;
  std::shared_ptr<const ViewBatch> batch_;
  v1::BatchInfo info_;
};

}  // namespace

absl::Status RecordBatchOfStep(const Options& options, StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(TrainingRecord training, ReadTrainingRecord(options.run()));
  return BatchRecorder(options, std::move(training), context).Run();
}

}  // namespace cassle
