#include "cassle/augment/replay_stage.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/augment/pictures/view_comparison.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/recording/image_record_reader.h"
#include "cassle/augment/recording/record_reader.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/epoch_order.h"
#include "cassle/augment/views/sample.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/base/thread_pool.h"
#include "cassle/data/images/codec.h"
#include "cassle/stage/progress.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

using Options = v1::ReplayOptions;

// Records that one thread works on before the next are read.
constexpr int64_t kRecordsPerThread = 32;
// Between two JPEG codecs that are both right.
constexpr int kJpegTolerance = 8;

// A record and what came of its check.
struct Item {
  int64_t number = 0;
  v1::ViewRecord recorded;
  // Made again from the recorded parameters; the stored pixels where there are no images.
  v1::ViewRecord replayed;
  RgbImage view;
  std::string fingerprint;
  // Empty: none.
  std::string difference;
};

// Consecutive records of one image: it is decoded once for all of them.
struct Group {
  v1::ImageRecord image;
  std::vector<Item> items;
};

struct Workspace {
  ViewDecoder decoder;
  Canvas canvas;
};

v1::ViewRecord WithoutPixels(v1::ViewRecord record) {
  record.clear_pixels();
  record.clear_pixel_format();
  return record;
}

class Replayer {
 public:
  Replayer(const Options& options, StageContext& context) : options_(options), context_(context) {}

  absl::Status Run() {
    CASSLE_ASSIGN_OR_RETURN(reader_, RecordReader::Open(options_.views(), options_.sample()));
    CASSLE_RETURN_IF_ERROR(FindPolicy());
    CASSLE_RETURN_IF_ERROR(OpenImages());
    Progress progress("replaying", reader_->size(), "views");
    std::vector<Group> groups;
    while (true) {
      if (context_.interrupted()) return absl::CancelledError("interrupted");
      CASSLE_RETURN_IF_ERROR(ReadGroups(&groups));
      if (groups.empty()) break;
      std::vector<absl::Status> statuses(groups.size());
      ParallelFor(context_.threads(), static_cast<int64_t>(groups.size()), [&](int64_t i) {
        const auto work = workspaces_.Borrow();
        statuses[i] = CheckGroup(&groups[i], work.get());
      });
      for (const absl::Status& status : statuses) CASSLE_RETURN_IF_ERROR(status);
      for (Group& group : groups) {
        for (Item& item : group.items) Count(group.image, &item);
      }
      progress.Set(result_.records());
    }
    return Finish();
  }

 private:
  absl::Status FindPolicy() {
    CASSLE_ASSIGN_OR_RETURN(std::optional<v1::Policy> named, NamedPolicy(options_));
    if (reader_->info().has_value()) {
      if (named) {
        return absl::InvalidArgumentError(
            absl::StrCat(options_.views(),
                         " says itself how it was drawn: leave --policy and --policy_file out"));
      }
      const v1::ViewsInfo& info = *reader_->info();
      if (options_.has_seed() && options_.seed() != info.seed()) {
        return absl::InvalidArgumentError(
            absl::StrCat(options_.views(), " says itself that it was drawn with seed ", info.seed(),
                         ", not ", options_.seed(), ": leave --seed out"));
      }
      policy_ = info.policy();
      seed_ = info.seed();
      CASSLE_ASSIGN_OR_RETURN(policies_, ViewPolicies(*policy_, static_cast<int>(info.views())));
      return absl::OkStatus();
    }
    seed_ = options_.seed();
    if (!named) {
      if (!options_.has_seed()) return absl::OkStatus();
      return absl::InvalidArgumentError(
          "--seed is of the draws, which only a policy repeats: name it by --policy or "
          "--policy_file, or leave --seed out");
    }
    policy_ = *std::move(named);
    if (policy_->compat() == v1::OFFICIAL) {
      return absl::InvalidArgumentError(
          absl::StrCat("policy ", policy_->name(),
                       " has compat OFFICIAL, where draws are shared in a batch, and "
                       "a stream does not name its batches: name the folder of the views"));
    }
    CASSLE_ASSIGN_OR_RETURN(policies_, ViewPolicies(*policy_, std::max(1, NumViews(*policy_))));
    return absl::OkStatus();
  }

  absl::Status OpenImages() {
    if (options_.input().empty()) {
      if (options_.split().empty()) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat("--split=", options_.split(),
                       " is of the data set: name its folder by --input, or leave --split out"));
    }
    const auto& info = reader_->info();
    const std::string split =
        options_.split().empty() && info.has_value() ? info->split() : options_.split();
    CASSLE_ASSIGN_OR_RETURN(images_, ImageRecordReader::Open(options_.input(), split));
    if (!info.has_value()) return absl::OkStatus();
    CASSLE_ASSIGN_OR_RETURN(const v1::StageManifest manifest, ReadManifest(options_.input()));
    if (!info->dataset_fingerprint().empty() &&
        info->dataset_fingerprint() != manifest.fingerprint()) {
      return absl::FailedPreconditionError(
          absl::StrCat(options_.views(), " was recorded from the data set with fingerprint ",
                       info->dataset_fingerprint(), ", but ", options_.input(), " has ",
                       manifest.fingerprint(), ": name the data set the views were recorded from"));
    }
    if (info->num_images() != images_->size() || info->first_image_id() != images_->first_id()) {
      return absl::FailedPreconditionError(
          absl::StrCat(options_.views(), " was recorded from ", info->num_images(),
                       " images beginning at id ", info->first_image_id(), ", but split '",
                       images_->split(), "' of ", options_.input(), " has ", images_->size(),
                       " beginning at id ", images_->first_id(), ": name the split with --split"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadGroups(std::vector<Group>* groups) {
    groups->clear();
    const int64_t wanted = kRecordsPerThread * context_.threads();
    for (int64_t i = 0; i < wanted; ++i) {
      Item item;
      CASSLE_ASSIGN_OR_RETURN(const bool more, reader_->Next(&item.recorded, &item.number));
      if (!more) break;
      const bool same = !groups->empty() &&
                        groups->back().items[0].recorded.image_id() == item.recorded.image_id();
      if (!same) {
        groups->emplace_back();
        CASSLE_RETURN_IF_ERROR(ReadImage(item, &groups->back().image));
      }
      groups->back().items.push_back(std::move(item));
    }
    return absl::OkStatus();
  }

  absl::Status ReadImage(const Item& item, v1::ImageRecord* image) {
    if (images_ == nullptr) return absl::OkStatus();
    const uint64_t index = item.recorded.image_id() - images_->first_id();
    if (index >= static_cast<uint64_t>(images_->size())) {
      return absl::DataLossError(absl::StrCat(
          options_.views(), ": record ", item.number, " is of image ", item.recorded.image_id(),
          ", which split '", images_->split(), "' of ", options_.input(), " does not have"));
    }
    return images_->ReadAt(static_cast<int64_t>(index), image);
  }

  absl::Status CheckGroup(Group* group, Workspace* work) const {
    if (images_ == nullptr) {
      for (Item& item : group->items) CASSLE_RETURN_IF_ERROR(CheckAlone(&item));
      return absl::OkStatus();
    }
    std::vector<v1::ViewRecord> records;
    for (const Item& item : group->items) records.push_back(WithoutPixels(item.recorded));
    // A record that does not fit its image must not spoil the others.
    const bool together = work->decoder.Decode(group->image, records).ok();
    for (size_t i = 0; i < group->items.size(); ++i) {
      Item& item = group->items[i];
      item.replayed = records[i];
      item.difference = CompareDraws(item, group->image);
      const absl::Status made = MakeView(group->image, together ? static_cast<int>(i) : -1, work,
                                         &item.replayed, &item.view);
      if (made.ok()) {
        item.fingerprint = ViewFingerprint(item.replayed, item.view);
        if (item.difference.empty()) item.difference = CompareRecords(item.recorded, item.replayed);
        if (item.difference.empty()) {
          CASSLE_ASSIGN_OR_RETURN(item.difference, CompareStored(item));
        }
      } else if (item.difference.empty()) {
        item.difference = std::string(made.message());
      }
    }
    return absl::OkStatus();
  }

  // decoded: number of the view in the decoder, or -1.
  static absl::Status MakeView(const v1::ImageRecord& image, int decoded, Workspace* work,
                               v1::ViewRecord* record, RgbImage* view) {
    if (decoded < 0) {
      CASSLE_RETURN_IF_ERROR(work->decoder.Decode(image, {record, 1}));
      decoded = 0;
    }
    return ApplyView(work->decoder.source(decoded), record, &work->canvas, view);
  }

  // Without images: the parameters against the seed, and the stored pixels for the fingerprint.
  absl::Status CheckAlone(Item* item) const {
    CASSLE_RETURN_IF_ERROR(
        Annotate(DecodeViewPixels(item->recorded, &item->view),
                 absl::StrCat(options_.views(), ": record ", item->number, " (or name --input)")));
    item->fingerprint = ViewFingerprint(item->recorded, item->view);
    v1::ImageRecord image;
    image.set_id(item->recorded.image_id());
    image.set_height(item->recorded.source_height());
    image.set_width(item->recorded.source_width());
    if (item->recorded.has_label()) image.set_label(item->recorded.label());
    item->difference = CompareDraws(*item, image);
    if (item->difference.empty()) {
      item->difference = std::string(CheckRecord(static_cast<int>(image.height()),
                                                 static_cast<int>(image.width()), item->recorded)
                                         .message());
    }
    return absl::OkStatus();
  }

  // The parameters as the seed gives them.
  v1::ViewRecord Draw(const v1::ViewRecord& recorded, const v1::ImageRecord& image) const {
    ViewKey key = {.seed = seed_,
                   .epoch = recorded.epoch(),
                   .image_id = recorded.image_id(),
                   .view = recorded.view()};
    const auto& info = reader_->info();
    if (info.has_value() && info->batch_size() > 0) {
      key.batch = EpochOrder(info->num_images(), seed_, recorded.epoch())
                      .BatchOf(static_cast<int64_t>(image.id() - info->first_image_id()),
                               info->batch_size());
    }
    const size_t view = NumViews(*policy_) > 0 ? recorded.view() : 0;
    v1::ViewRecord drawn = SampleView(policies_[view], key, static_cast<int>(image.height()),
                                      static_cast<int>(image.width()));
    if (image.has_label()) drawn.set_label(image.label());
    return drawn;
  }

  bool CanDraw(const v1::ViewRecord& recorded) const {
    return policy_.has_value() && (NumViews(*policy_) == 0 || recorded.view() < policies_.size());
  }

  std::string CompareDraws(const Item& item, const v1::ImageRecord& image) const {
    if (!policy_.has_value()) return "";
    if (!CanDraw(item.recorded)) {
      return absl::StrCat("view: recorded ", item.recorded.view(), ", but policy ", policy_->name(),
                          " has only ", policies_.size());
    }
    for (const uint32_t side : {image.height(), image.width()}) {
      if (side == 0 || side > INT32_MAX) return absl::StrCat("source size: recorded ", side);
    }
    v1::ViewRecord drawn = Draw(item.recorded, image);
    // Measured, not drawn; compared when the pixels have been made.
    for (const Operation& operation : Operations()) {
      if (operation.copy_measured != nullptr) operation.copy_measured(item.recorded, &drawn);
    }
    return CompareRecords(item.recorded, drawn);
  }

  absl::StatusOr<std::string> CompareStored(const Item& item) const {
    const v1::ViewRecord& recorded = item.recorded;
    if (recorded.pixel_format() == v1::IMAGE_FORMAT_UNSPECIFIED) return std::string();
    RgbImage stored;
    CASSLE_RETURN_IF_ERROR(Annotate(DecodeViewPixels(recorded, &stored), options_.views()));
    if (recorded.pixel_format() != v1::JPEG) return ComparePixels(stored, item.view);
    if (!reader_->info().has_value()) return std::string();
    CASSLE_ASSIGN_OR_RETURN(const std::string encoded,
                            EncodeImage(item.view, v1::JPEG, reader_->info()->jpeg_quality()));
    if (encoded == recorded.pixels()) return std::string();
    RgbImage compressed;
    CASSLE_RETURN_IF_ERROR(DecodeImage(encoded, &compressed));
    return ComparePixels(stored, compressed, kJpegTolerance);
  }

  void Count(const v1::ImageRecord& image, Item* item) {
    result_.set_records(result_.records() + 1);
    fingerprint_.UpdateField(item->fingerprint);
    lossy_ = lossy_ || item->recorded.pixel_format() == v1::JPEG;
    stored_ = stored_ || item->recorded.pixel_format() != v1::IMAGE_FORMAT_UNSPECIFIED;
    if (item->difference.empty()) return;
    result_.set_differences(result_.differences() + 1);
    if (first_.has_value()) return;
    result_.set_first_difference(absl::StrCat(
        "record ", item->number, " (view ", item->recorded.view(), " of image ",
        item->recorded.image_id(), ", epoch ", item->recorded.epoch(), "): ", item->difference));
    first_ = std::move(*item);
    first_image_ = image;
  }

  // Left what was recorded, right what it should be.
  absl::Status DrawDifference() {
    if (options_.difference_image().empty() || !first_.has_value()) return absl::OkStatus();
    RgbImage recorded = first_->view;
    RgbImage replayed = first_->view;
    if (first_->recorded.pixel_format() != v1::IMAGE_FORMAT_UNSPECIFIED) {
      CASSLE_RETURN_IF_ERROR(DecodeViewPixels(first_->recorded, &recorded));
    }
    if (images_ != nullptr && CanDraw(first_->recorded)) {
      v1::ViewRecord drawn = Draw(first_->recorded, first_image_);
      Workspace work;
      CASSLE_RETURN_IF_ERROR(MakeView(first_image_, -1, &work, &drawn, &replayed));
    }
    const RgbImage picture = DrawViewDifference(result_.first_difference(), recorded, replayed);
    CASSLE_ASSIGN_OR_RETURN(const std::string png, EncodePng(picture));
    return WriteFileAtomically(options_.difference_image(), png);
  }

  absl::Status Finish() {
    if (result_.records() == 0) {
      return absl::DataLossError(absl::StrCat(options_.views(), " holds no records"));
    }
    if (policy_.has_value()) result_.add_compared("draws");
    std::string about_jpeg;
    if (images_ != nullptr) {
      result_.add_compared("colour difference");
      if (lossy_ && !reader_->info().has_value()) {
        about_jpeg = absl::StrCat("JPEG pixels are not compared: their quality stands in ",
                                  kViewsInfoName, ", so name the folder");
      } else if (lossy_) {
        result_.add_compared("JPEG pixels");
        about_jpeg = absl::StrCat(
            "JPEG pixels are lossy: they are compared after the same "
            "compression, to within ",
            kJpegTolerance, " levels");
      } else if (stored_) {
        result_.add_compared("pixels");
      }
    }
    result_.set_views_fingerprint(fingerprint_.Hex());
    if (policy_.has_value()) result_.set_policy(policy_->name());
    context_.Count("views", result_.records());
    CASSLE_RETURN_IF_ERROR(context_.SetResult(result_));
    if (!about_jpeg.empty()) context_.Say(about_jpeg);
    if (result_.differences() == 0) {
      context_.Say(result_.compared().empty()
                       ? absl::StrCat(result_.records(),
                                      " views are whole, but nothing was compared: name the data "
                                      "set (--input), or how they were drawn (--policy, --seed)")
                       : absl::StrCat(result_.records(), " views replayed, all equal (",
                                      absl::StrJoin(result_.compared(), ", "), ")"));
      return absl::OkStatus();
    }
    const absl::Status drawn = DrawDifference();
    return absl::DataLossError(
        absl::StrCat(options_.views(), ": ", result_.differences(), " of ", result_.records(),
                     " views differ; the first is ", result_.first_difference(),
                     drawn.ok() ? "" : absl::StrCat("; without a picture: ", drawn.message())));
  }

  const Options& options_;
  StageContext& context_;
  std::unique_ptr<RecordReader> reader_;
  // Null: no images were given.
  std::unique_ptr<ImageRecordReader> images_;
  // Empty: unknown, draws are not checked.
  std::optional<v1::Policy> policy_;
  std::vector<v1::Policy> policies_;
  uint64_t seed_ = 0;
  Lender<Workspace> workspaces_;
  Fingerprinter fingerprint_;
  bool lossy_ = false;
  bool stored_ = false;
  std::optional<Item> first_;
  v1::ImageRecord first_image_;
  v1::ReplayResult result_;
};

}  // namespace

StageInfo ReplayInfo() {
  return {.name = "replay",
          .version = 1,
          .summary =
              "Checks recorded views: draws and makes them again from their seed and images, "
              "and shows the first difference.",
          .resumable = false};
}

absl::Status RunReplay(const Options& options, StageContext& context) {
  if (options.views().empty()) {
    return absl::InvalidArgumentError(
        "--views is missing: name a folder of augment-and-record, a shard file, or -");
  }
  return Replayer(options, context).Run();
}

}  // namespace cassle
