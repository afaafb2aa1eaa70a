#include "cassle/augment/augment_and_record_stage.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/batch_of_step.h"
#include "cassle/augment/operations/time_account.h"
#include "cassle/augment/pictures/contact_sheet.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/recording/image_record_reader.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/recording/view_parts.h"
#include "cassle/augment/recording/view_shard_writer.h"
#include "cassle/augment/recording_options.h"
#include "cassle/augment/training_record.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/epoch_order.h"
#include "cassle/augment/views/sample.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/base/thread_pool.h"
#include "cassle/data/images/codec.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

using Options = v1::AugmentAndRecordOptions;

// Images that one thread works on before their views are written.
constexpr int64_t kImagesPerThread = 16;
// The limit was shard-encoder's to apply: what is in a data set is wanted.
constexpr DecodeLimits kAnySize = {int64_t{1} << 40};
constexpr int64_t kShardPixelBytes = int64_t{256} << 20;
constexpr int64_t kShardRecords = 131072;

class Recorder {
 public:
  // policies: one per view.
  Recorder(const Options& options, v1::Policy policy, std::vector<v1::Policy> policies,
           StageContext& context)
      : options_(options),
        policy_(std::move(policy)),
        policies_(std::move(policies)),
        context_(context) {}

  absl::Status Run() {
    CASSLE_ASSIGN_OR_RETURN(source_, ImageRecordReader::Open(options_.input(), options_.split()));
    if (source_->size() == 0) return NoImages();
    CASSLE_RETURN_IF_ERROR(FindRange());
    ViewShardWriter writer(context_.output_dir(), RecordsPerShard(), part_.first_shard());
    CASSLE_RETURN_IF_ERROR(options_.merge().empty() ? RecordAll(&writer) : Merge(&writer));
    if (source_->size() == 0) return NoImages();
    CASSLE_RETURN_IF_ERROR(WriteContactSheet());
    return Finish(&writer);
  }

 private:
  absl::Status NoImages() const {
    return absl::DataLossError(
        absl::StrCat(options_.input(), " holds no images: there is nothing to augment"));
  }

  int64_t RecordsPerShard() const {
    if (options_.records_per_shard() > 0) return options_.records_per_shard();
    if (PixelFormat(options_) == v1::IMAGE_FORMAT_UNSPECIFIED) return kShardRecords;
    int64_t image_bytes = 0;
    for (const v1::Policy& policy : policies_) {
      image_bytes += int64_t{3} * policy.size() * policy.size();
    }
    const int64_t records = kShardPixelBytes * options_.views() / image_bytes;
    return std::max<int64_t>(1, std::min(kShardRecords, records));
  }

  // Which records this run writes: all, or those of its part of the shards.
  absl::Status FindRange() {
    if (source_->is_stream()) return absl::OkStatus();
    last_record_ = source_->size() * options_.epochs() * options_.views();
    const int64_t per_shard = RecordsPerShard();
    total_shards_ = (last_record_ + per_shard - 1) / per_shard;
    if (!options_.has_num_shards()) return absl::OkStatus();
    CASSLE_ASSIGN_OR_RETURN(
        part_, PartOfShards(total_shards_, options_.shard_index(), options_.num_shards()));
    first_record_ = part_.first_shard() * per_shard;
    last_record_ = std::min(last_record_, part_.end_shard() * per_shard);
    return absl::OkStatus();
  }

  // The parts' shards become those of an interrupted run, and this run goes on from there.
  absl::Status Merge(ViewShardWriter* writer) {
    CASSLE_RETURN_IF_ERROR(LinkParts({options_.merge().begin(), options_.merge().end()},
                                     context_.birth(), context_.output_dir()));
    CASSLE_ASSIGN_OR_RETURN(const int64_t there, writer->Resume(last_record_, total_shards_));
    if (there == last_record_) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(
        absl::StrJoin(options_.merge(), ", "), ": only the first ", there, " of ", last_record_,
        " records are whole: a part is damaged; remove it and run it again"));
  }

  absl::Status RecordAll(ViewShardWriter* writer) {
    int64_t record = first_record_;
    if (context_.resumed() && !source_->is_stream()) {
      CASSLE_ASSIGN_OR_RETURN(const int64_t done,
                              writer->Resume(last_record_ - first_record_, total_shards_));
      if (done > 0) context_.Say(absl::StrCat(done, " views are recorded already"));
      record += done;
    }
    const int64_t views = options_.views();
    const int64_t visits = source_->is_stream() ? -1 : (last_record_ + views - 1) / views;
    // A shard may end between the views of one image.
    int64_t visit = record / views;
    int64_t skip = record % views;
    const int64_t first_visit = first_record_ / views;
    Progress progress("augmenting", visits < 0 ? visits : visits - first_visit, "images",
                      visit - first_visit);
    while (visits < 0 || visit < visits) {
      if (context_.interrupted()) {
        return absl::CancelledError(source_->is_stream() || context_.streaming()
                                        ? "interrupted; started again, it begins anew"
                                        : "interrupted; started again, it goes on from here");
      }
      const int64_t images = source_->is_stream() ? INT64_MAX : source_->size();
      const int64_t first = visit % images;
      int64_t count = std::min(images - first, kImagesPerThread * context_.threads());
      if (visits >= 0) count = std::min(count, visits - visit);
      CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> payloads,
                              Augment(visit / images, first, count));
      if (payloads.empty()) break;
      clock_.Start();
      for (size_t i = skip; i < payloads.size() && record < last_record_; ++i, ++record) {
        CASSLE_RETURN_IF_ERROR(writer->Append(payloads[i]));
      }
      clock_.Lap(Work::kWrite);
      skip = 0;
      visit += static_cast<int64_t>(payloads.size()) / views;
      progress.Set(visit - first_visit);
    }
    return absl::OkStatus();
  }

  // Serialised records of images first .. first+count-1 in one epoch, in order.
  absl::StatusOr<std::vector<std::string>> Augment(int64_t epoch, int64_t first, int64_t count) {
    clock_.Start();
    CASSLE_RETURN_IF_ERROR(source_->Read(first, count, &images_));
    clock_.Lap(Work::kRead);
    if (source_->is_stream()) KeepForContactSheet();
    const int64_t views = options_.views();
    std::vector<std::string> payloads(images_.size() * views);
    std::vector<absl::Status> statuses(images_.size());
    ParallelFor(context_.threads(), static_cast<int64_t>(images_.size()), [&](int64_t i) {
      const auto work = workspaces_.Borrow();
      work->canvas.clock.StartItem();
      statuses[i] = AugmentImage(epoch, images_[i], work.get(), &payloads[i * views]);
      totals_.Add(&work->canvas.clock);
    });
    for (const absl::Status& status : statuses) CASSLE_RETURN_IF_ERROR(status);
    return payloads;
  }

  // What one worker needs for an image; used again for the next.
  struct Workspace {
    std::vector<v1::ViewRecord> records;
    ViewDecoder decoder;
    Canvas canvas;
    RgbImage view;
  };

  absl::Status AugmentImage(int64_t epoch, const v1::ImageRecord& image, Workspace* work,
                            std::string* payloads) const {
    work->records.resize(options_.views());
    for (uint32_t v = 0; v < options_.views(); ++v) work->records[v] = Draw(epoch, image, v);
    WorkClock& clock = work->canvas.clock;
    clock.Lap(Work::kOther);
    CASSLE_RETURN_IF_ERROR(Annotate(work->decoder.Decode(image, work->records), options_.input()));
    clock.Lap(Work::kDecode);
    for (uint32_t v = 0; v < options_.views(); ++v) {
      v1::ViewRecord& record = work->records[v];
      CASSLE_RETURN_IF_ERROR(
          ApplyView(work->decoder.source(v), &record, &work->canvas, &work->view));
      const v1::ImageFormat format = PixelFormat(options_);
      if (format != v1::IMAGE_FORMAT_UNSPECIFIED) {
        record.set_pixel_format(format);
        CASSLE_ASSIGN_OR_RETURN(*record.mutable_pixels(),
                                EncodeImage(work->view, format, options_.jpeg_quality()));
      }
      record.SerializeToString(&payloads[v]);
      clock.Lap(Work::kEncode);
    }
    return absl::OkStatus();
  }

  absl::Status Decode(const v1::ImageRecord& image, RgbImage* source) const {
    return Annotate(DecodeImage(image.encoded(), image.format(), static_cast<int>(image.height()),
                                static_cast<int>(image.width()), source, kAnySize),
                    absl::StrCat(options_.input(), ": image ", image.id(), " (", image.key(), ")"));
  }

  v1::ViewRecord Draw(int64_t epoch, const v1::ImageRecord& image, uint32_t view) const {
    const ViewKey key = {.seed = options_.seed(),
                         .epoch = static_cast<uint32_t>(epoch),
                         .image_id = image.id(),
                         .view = view,
                         .batch = BatchOf(epoch, image.id())};
    v1::ViewRecord record = SampleView(policies_[view], key, image.height(), image.width());
    if (image.has_label()) record.set_label(image.label());
    return record;
  }

  // The batch in which a training will show the image; 0 where that does not matter.
  uint64_t BatchOf(int64_t epoch, uint64_t image_id) const {
    if (policy_.compat() != v1::OFFICIAL) return 0;
    const EpochOrder order(source_->size(), options_.seed(), epoch);
    return order.BatchOf(static_cast<int64_t>(image_id - source_->first_id()),
                         options_.batch_size());
  }

  void KeepForContactSheet() {
    if (options_.contact_sheet().empty()) return;
    for (const v1::ImageRecord& image : images_) {
      if (shown_.size() < options_.contact_sheet_images()) shown_.push_back(image);
    }
  }

  // Images spread evenly over the split (the first ones of a stream), in epoch 0.
  absl::Status WriteContactSheet() {
    if (options_.contact_sheet().empty()) return absl::OkStatus();
    if (!source_->is_stream()) {
      const int64_t count = std::min<int64_t>(options_.contact_sheet_images(), source_->size());
      for (int64_t i = 0; i < count; ++i) {
        v1::ImageRecord image;
        CASSLE_RETURN_IF_ERROR(source_->ReadAt(i * source_->size() / count, &image));
        shown_.push_back(std::move(image));
      }
    }
    std::vector<ContactSheetRow> rows;
    ViewDecoder decoder;
    Canvas canvas;
    for (const v1::ImageRecord& image : shown_) {
      ContactSheetRow row;
      row.key = image.key();
      CASSLE_RETURN_IF_ERROR(Decode(image, &row.source));
      row.records.resize(options_.views());
      row.views.resize(options_.views());
      for (uint32_t v = 0; v < options_.views(); ++v) row.records[v] = Draw(0, image, v);
      CASSLE_RETURN_IF_ERROR(Annotate(decoder.Decode(image, row.records), options_.input()));
      for (uint32_t v = 0; v < options_.views(); ++v) {
        CASSLE_RETURN_IF_ERROR(
            ApplyView(decoder.source(v), &row.records[v], &canvas, &row.views[v]));
      }
      rows.push_back(std::move(row));
    }
    const std::string title =
        absl::StrCat(policy_.name(), ": ", policy_.size(), " px, seed ", options_.seed());
    CASSLE_ASSIGN_OR_RETURN(const RgbImage sheet, DrawContactSheet(title, policy_, rows));
    CASSLE_ASSIGN_OR_RETURN(const std::string png, EncodePng(sheet));
    return WriteFileAtomically(options_.contact_sheet(), png);
  }

  void SayWhereTimeWent() {
    totals_.Add(&clock_);
    const TimeAccount account = totals_.Account();
    if (!(account.worked() > 0)) return;
    context_.Say(absl::StrFormat("%.1f s with %d threads, which did: %s", account.wall,
                                 context_.threads(), DescribeWork(account)));
    for (int i = 0; i < kNumWorks; ++i) {
      if (account.work[i] == 0) continue;
      context_.Spend(absl::StrCat("views.", WorkName(static_cast<Work>(i))), account.work[i]);
    }
  }

  absl::Status Finish(ViewShardWriter* writer) {
    v1::ViewsInfo info;
    *info.mutable_policy() = policy_;
    info.set_seed(options_.seed());
    info.set_epochs(options_.epochs());
    info.set_views(options_.views());
    if (policy_.compat() == v1::OFFICIAL) info.set_batch_size(options_.batch_size());
    info.set_num_images(source_->size());
    info.set_first_image_id(source_->first_id());
    info.set_split(source_->split());
    info.set_dataset_fingerprint(context_.input_fingerprint("input"));
    info.set_pixel_format(PixelFormat(options_));
    if (info.pixel_format() == v1::JPEG) info.set_jpeg_quality(options_.jpeg_quality());
    if (options_.has_num_shards()) *info.mutable_part() = part_;
    CASSLE_RETURN_IF_ERROR(writer->Finish(&info));
    v1::AugmentAndRecordResult result;
    result.set_images(source_->size());
    result.set_records(source_->is_stream() ? source_->size() * options_.epochs() * options_.views()
                                            : last_record_ - first_record_);
    result.set_shards(info.shards_size());
    result.set_policy(policy_.name());
    SayWhereTimeWent();
    context_.Count("images", result.images());
    context_.Count("views", result.records());
    CASSLE_RETURN_IF_ERROR(context_.SetResult(result));
    if (context_.streaming()) return absl::OkStatus();
    return WriteFile(JoinPath(context_.output_dir(), kViewsInfoName), PrintTextProto(info));
  }

  const Options& options_;
  const v1::Policy policy_;
  const std::vector<v1::Policy> policies_;
  StageContext& context_;
  std::unique_ptr<ImageRecordReader> source_;
  // All shards unless --num_shards is given.
  v1::ViewsPart part_;
  // Of the whole output; 0 of a stream.
  int64_t total_shards_ = 0;
  int64_t first_record_ = 0;
  int64_t last_record_ = INT64_MAX;
  // What the workers did, and what the thread did that reads and writes for them.
  WorkTotals totals_;
  WorkClock clock_;
  // The images being worked on, and those for the contact sheet.
  std::vector<v1::ImageRecord> images_;
  std::vector<v1::ImageRecord> shown_;
  Lender<Workspace> workspaces_;
};

}  // namespace

StageInfo AugmentAndRecordInfo() {
  return {.name = "augment-and-record",
          .version = 2,
          .summary =
              "Draws augmented views of every image and records their parameters, with or "
              "without the pixels.",
          .resumable = true,
          .named_inputs = [](const google::protobuf::Message& options, const StageContext&) {
            return FingerprintOfTraining(static_cast<const Options&>(options).run());
          }};
}

absl::Status RunAugmentAndRecord(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckRecordingOptions(options));
  if (!options.run().empty()) return RecordBatchOfStep(options, context);
  CASSLE_ASSIGN_OR_RETURN(v1::Policy policy, RecordingPolicy(options));
  CASSLE_ASSIGN_OR_RETURN(const int views, RecordingViews(options, policy));
  CASSLE_ASSIGN_OR_RETURN(std::vector<v1::Policy> policies, ViewPolicies(policy, views));
  Options resolved = options;
  resolved.set_views(views);
  return Recorder(resolved, std::move(policy), std::move(policies), context).Run();
}

}  // namespace cassle
