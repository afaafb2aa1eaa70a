#include "cassle/augment/loading/view_loader.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/augment/loading/image_cache.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/descriptor.h"
#include "cassle/augment/views/epoch_order.h"
#include "cassle/augment/views/sample.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/thread_pool.h"
#include "cassle/data/records/class_target.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

// What a worker hands to the consumer.
struct MadeBatch {
  absl::Status status;
  std::shared_ptr<const ViewBatch> batch;
};

// The recorded views must be the ones that drawing on the fly would give.
absl::Status CheckSameOrigin(const ViewLoaderOptions& options, const RecordedViews& recorded) {
  const v1::ViewsInfo& info = recorded.info();
  if (info.seed() != options.seed) {
    return absl::FailedPreconditionError(absl::StrCat(
        recorded.folder(), " was recorded with seed ", info.seed(), ", but this run has seed ",
        options.seed, ": use the same seed, or record the views again"));
  }
  if (options.policy.size() != 0 && !SameViews(options.policy, info.policy())) {
    return absl::FailedPreconditionError(
        absl::StrCat(recorded.folder(), " was recorded with policy ", info.policy().name(),
                     ", which differs from this run's policy ", options.policy.name(),
                     ": leave the policy out, or record the views again"));
  }
  if (info.policy().compat() == v1::OFFICIAL && info.batch_size() != options.batch_size) {
    return absl::FailedPreconditionError(absl::StrCat(
        recorded.folder(), " was recorded with compat OFFICIAL for batches of ", info.batch_size(),
        ", but this run has batches of ", options.batch_size,
        ": with this compat draws are shared in a batch; use the same batch size, or record the "
        "views again"));
  }
  if (options.views > static_cast<int64_t>(info.views()) || options.num_epochs > info.epochs()) {
    return absl::InvalidArgumentError(
        absl::StrCat(recorded.folder(), " holds ", info.epochs(), " epochs with ", info.views(),
                     " views each; this run wants ", options.num_epochs, " epochs with ",
                     options.views, ": record more, or use fewer"));
  }
  if (options.images == nullptr) {
    if (info.pixel_format() != v1::IMAGE_FORMAT_UNSPECIFIED) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(recorded.folder(),
                     " holds parameters without pixels: give the data set too, or record with "
                     "--store=raw or --store=png"));
  }
  const Dataset& images = *options.images;
  CASSLE_ASSIGN_OR_RETURN(const v1::StageManifest manifest, ReadManifest(images.folder()));
  if (!info.dataset_fingerprint().empty() && info.dataset_fingerprint() != manifest.fingerprint()) {
    return absl::FailedPreconditionError(absl::StrCat(
        recorded.folder(), " was recorded from the data set with fingerprint ",
        info.dataset_fingerprint(), ", but ", images.folder(), " has ", manifest.fingerprint(),
        ": name the data set the views were recorded from, or record them again"));
  }
  if (info.num_images() != images.size() || info.first_image_id() != images.first_id()) {
    return absl::FailedPreconditionError(absl::StrCat(
        recorded.folder(), " was recorded from ", info.num_images(), " images of split '",
        info.split(), "' beginning at id ", info.first_image_id(), ", but split '",
        images.split().name(), "' of ", images.folder(), " has ", images.size(),
        " beginning at id ", images.first_id(), ": name the split the views were recorded from"));
  }
  return absl::OkStatus();
}

class Loader : public ViewLoader {
 public:
  explicit Loader(ViewLoaderOptions options) : options_(std::move(options)) {}

  absl::Status Start() {
    if (options_.views < 1 || options_.batch_size < 1 || options_.num_epochs < 0 ||
        options_.first_epoch < 0 || options_.first_batch < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "views ", options_.views, " and batch size ", options_.batch_size,
          " must be at least 1; epochs and the starting point (epoch ", options_.first_epoch,
          ", batch ", options_.first_batch, ") must not be negative"));
    }
    if (options_.views_dir.empty()) {
      if (options_.images == nullptr) {
        return absl::InvalidArgumentError("neither a data set nor recorded views were given");
      }
      CASSLE_RETURN_IF_ERROR(CheckPolicy(options_.policy));
      CASSLE_RETURN_IF_ERROR(CheckSubset());
      num_images_ = options_.subset.empty() ? options_.images->size()
                                            : static_cast<int64_t>(options_.subset.size());
    } else {
      if (!options_.subset.empty()) {
        return absl::InvalidArgumentError("recorded views are of all images, not of a subset");
      }
      CASSLE_ASSIGN_OR_RETURN(recorded_, RecordedViews::Open(options_.views_dir));
      CASSLE_RETURN_IF_ERROR(CheckSameOrigin(options_, *recorded_));
      // Normalisation may be the caller's own; everything else is the same.
      if (options_.policy.size() == 0) options_.policy = recorded_->info().policy();
      num_images_ = recorded_->info().num_images();
      has_pixels_ = recorded_->info().pixel_format() != v1::IMAGE_FORMAT_UNSPECIFIED;
    }
    CASSLE_ASSIGN_OR_RETURN(policies_, ViewPolicies(options_.policy, options_.views));
    CASSLE_ASSIGN_OR_RETURN(layout_, DescriptorLayout::Create(options_.policy, options_.groups));
    CASSLE_ASSIGN_OR_RETURN(relative_layout_,
                            DescriptorLayout::Create(options_.policy, options_.relative_groups));
    if (relative_layout_.size() > 0 && options_.views < 2) {
      return absl::InvalidArgumentError("relative descriptors need 2 views, there is 1");
    }
    batches_per_epoch_ = num_images_ / options_.batch_size;
    if (batches_per_epoch_ < 1) {
      return absl::InvalidArgumentError(absl::StrCat("batch size ", options_.batch_size,
                                                     " is larger than the ", num_images_,
                                                     " images: choose at most ", num_images_));
    }
    if (options_.rows.empty()) {
      options_.rows.resize(options_.batch_size);
      std::iota(options_.rows.begin(), options_.rows.end(), 0);
    }
    for (const int64_t row : options_.rows) {
      if (row >= 0 && row < options_.batch_size) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("row ", row, " of a batch of ", options_.batch_size));
    }
    if (!IsLabel(options_.target) && options_.images == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("target '", options_.target,
                       "': recorded views know the label only; give the data set too"));
    }
    if (!has_pixels_) {
      // Whole images are exact ones.
      const int64_t cache_bytes = options_.policy.decode() == v1::EXACT ? options_.cache_bytes : 0;
      cache_ = std::make_unique<ImageCache>(options_.images, cache_bytes, options_.target);
    }
    const int threads = std::max(1, options_.threads);
    pipeline_ = std::make_unique<OrderedPipeline<MadeBatch>>(
        threads, options_.first_epoch * batches_per_epoch_ + options_.first_batch,
        options_.num_epochs * batches_per_epoch_, threads + 1,
        [this](int64_t number) {
          auto batch = std::make_shared<ViewBatch>();
          absl::Status status = MakeBatch(number, batch.get());
          return MadeBatch{std::move(status), std::move(batch)};
        },
        Priority::kBackground);
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const ViewBatch>> Next() override {
    if (!error_.ok()) return error_;
    const absl::Time before = absl::Now();
    std::optional<MadeBatch> made = pipeline_->Next();
    waited_seconds_ += absl::ToDoubleSeconds(absl::Now() - before);
    if (!made.has_value()) return std::shared_ptr<const ViewBatch>();
    error_ = made->status;
    if (!error_.ok()) return error_;
    return std::move(made->batch);
  }

  int64_t batches_per_epoch() const override { return batches_per_epoch_; }
  int descriptor_size() const override { return layout_.size(); }
  const v1::Policy& policy() const override { return options_.policy; }
  TimeAccount time_account() const override {
    TimeAccount account = totals_.Account();
    account.workers_waited = pipeline_->workers_waited_seconds();
    account.consumer_waited = waited_seconds_;
    return account;
  }

 private:
  // What one worker needs while it makes a batch.
  struct Workspace {
    v1::ImageRecord image;
    std::vector<v1::ViewRecord> records;
    ViewDecoder decoder;
    Canvas canvas;
    RgbImage view;
  };

  absl::Status CheckSubset() const {
    for (int64_t image : options_.subset) {
      if (image >= 0 && image < options_.images->size()) continue;
      return absl::InvalidArgumentError(absl::StrCat("image ", image, " of the subset: there are ",
                                                     options_.images->size(), " images"));
    }
    return absl::OkStatus();
  }

  size_t ViewBytes(int view) const {
    const size_t side = policies_[view].size();
    return 3 * side * side;
  }

  absl::Status MakeBatch(int64_t number, ViewBatch* batch) {
    batch->epoch = number / batches_per_epoch_;
    batch->batch_in_epoch = number % batches_per_epoch_;
    const int64_t rows = static_cast<int64_t>(options_.rows.size());
    batch->batch_size = static_cast<int>(rows);
    batch->pixels.resize(options_.views);
    batch->descriptors.resize(options_.views);
    for (int view = 0; view < options_.views; ++view) {
      batch->sizes.push_back(policies_[view].size());
      batch->pixels[view].resize(rows * ViewBytes(view));
      batch->descriptors[view].resize(rows * layout_.size());
    }
    if (relative_layout_.size() > 0) {
      batch->relative.assign(2, std::vector<float>(rows * relative_layout_.size()));
    }
    if (options_.keep_records) batch->records.resize(rows * options_.views);
    batch->image_ids.resize(rows);
    batch->labels.resize(rows);
    const EpochOrder order(num_images_, options_.seed, batch->epoch);
    const auto workspace = workspaces_.Borrow();
    for (int64_t row = 0; row < rows; ++row) {
      int64_t image =
          order.ImageAt(batch->batch_in_epoch * options_.batch_size + options_.rows[row]);
      if (!options_.subset.empty()) image = options_.subset[image];
      CASSLE_RETURN_IF_ERROR(MakeRow(image, row, workspace.get(), batch));
    }
    totals_.Add(&workspace->canvas.clock);
    return absl::OkStatus();
  }

  // All views of one image.
  absl::Status MakeRow(int64_t image, int64_t row, Workspace* work, ViewBatch* batch) {
    const DecodedImage* cached = nullptr;
    WorkClock* const clock = &work->canvas.clock;
    clock->StartItem();
    if (cache_ != nullptr) {
      CASSLE_RETURN_IF_ERROR(cache_->Get(image, &work->image, &cached, clock));
    }
    CASSLE_RETURN_IF_ERROR(FindRecords(image, cached, *batch, work));
    clock->Lap(recorded_ != nullptr ? Work::kRead : Work::kOther);
    if (cache_ != nullptr && cached == nullptr) {
      CASSLE_RETURN_IF_ERROR(
          Annotate(work->decoder.Decode(work->image, work->records), options_.images->folder()));
      clock->Lap(Work::kDecode);
    }
    const v1::ViewRecord& any = work->records[0];
    batch->image_ids[row] = any.image_id();
    if (cached != nullptr) {
      batch->labels[row] = cached->label;
    } else if (cache_ == nullptr && IsLabel(options_.target)) {
      batch->labels[row] = any.has_label() ? any.label() : -1;
    } else {
      if (cache_ == nullptr) {
        CASSLE_RETURN_IF_ERROR(options_.images->Read(image, &work->image));
        clock->Lap(Work::kRead);
      }
      batch->labels[row] = ClassOf(work->image, options_.target);
    }
    for (int view = 0; view < options_.views; ++view) {
      v1::ViewRecord& record = work->records[view];
      if (has_pixels_) {
        // ApplyView is not there to do it, and a descriptor is made of the parameters all the same.
        CASSLE_RETURN_IF_ERROR(
            Annotate(CheckRecord(static_cast<int>(record.source_height()),
                                 static_cast<int>(record.source_width()), record),
                     recorded_->folder()));
        CASSLE_RETURN_IF_ERROR(
            Annotate(DecodeViewPixels(record, &work->view), recorded_->folder()));
        clock->Lap(Work::kDecode);
      } else {
        const SourcePixels source =
            cached != nullptr ? SourcePixels(cached->image) : work->decoder.source(view);
        CASSLE_RETURN_IF_ERROR(ApplyView(source, &record, &work->canvas, &work->view));
      }
      const size_t bytes = ViewBytes(view);
      if (work->view.pixels.size() != bytes) {
        return absl::DataLossError(absl::StrCat(recorded_->folder(), ": view ", view, " of image ",
                                                record.image_id(), " has ", work->view.width,
                                                " pixels instead of ", batch->sizes[view]));
      }
      std::memcpy(batch->pixels[view].data() + row * bytes, work->view.pixels.data(), bytes);
      layout_.Describe(
          record,
          absl::MakeSpan(batch->descriptors[view]).subspan(row * layout_.size(), layout_.size()));
      clock->Lap(Work::kOther);
    }
    if (options_.keep_records) {
      for (v1::ViewRecord& record : work->records) {
        record.clear_pixels();
        record.clear_pixel_format();
      }
      std::copy(work->records.begin(), work->records.end(),
                batch->records.begin() + row * options_.views);
    }
    for (size_t view = 0; view < batch->relative.size(); ++view) {
      const int size = relative_layout_.size();
      relative_layout_.DescribeRelative(
          work->records[view], work->records[1 - view],
          absl::MakeSpan(batch->relative[view]).subspan(row * size, size));
    }
    clock->Lap(Work::kOther);
    return absl::OkStatus();
  }

  // Reads or draws the records of all views.
  absl::Status FindRecords(int64_t image, const DecodedImage* cached, const ViewBatch& batch,
                           Workspace* work) const {
    work->records.resize(options_.views);
    for (int view = 0; view < options_.views; ++view) {
      v1::ViewRecord& record = work->records[view];
      if (recorded_ != nullptr) {
        CASSLE_RETURN_IF_ERROR(recorded_->Read(batch.epoch, image, view, &record));
        continue;
      }
      const ViewKey key = {.seed = options_.seed,
                           .epoch = static_cast<uint32_t>(batch.epoch),
                           .image_id = cached != nullptr ? cached->id : work->image.id(),
                           .view = static_cast<uint32_t>(view),
                           .batch = static_cast<uint64_t>(batch.batch_in_epoch)};
      record = SampleView(policies_[view], key,
                          cached != nullptr ? cached->image.height : work->image.height(),
                          cached != nullptr ? cached->image.width : work->image.width());
    }
    return absl::OkStatus();
  }

  ViewLoaderOptions options_;
  std::shared_ptr<const RecordedViews> recorded_;
  bool has_pixels_ = false;
  // One per view.
  std::vector<v1::Policy> policies_;
  DescriptorLayout layout_;
  DescriptorLayout relative_layout_;
  int64_t num_images_ = 0;
  int64_t batches_per_epoch_ = 0;
  std::unique_ptr<ImageCache> cache_;
  absl::Status error_;
  double waited_seconds_ = 0;
  WorkTotals totals_;
  Lender<Workspace> workspaces_;
  // Last: its threads use everything above.
  std::unique_ptr<OrderedPipeline<MadeBatch>> pipeline_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ViewLoader>> ViewLoader::Create(ViewLoaderOptions options) {
  auto loader = std::make_unique<Loader>(std::move(options));
  CASSLE_RETURN_IF_ERROR(loader->Start());
  return std::unique_ptr<ViewLoader>(std::move(loader));
}

}  // namespace cassle
