#include "cassle/eval/on_images/new_images.h"

#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "cassle/augment/pictures/fit_image.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/thread_pool.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/sources/item_pixels.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

constexpr int kPictureQuality = 90;

// The items of a source in batches, for threads that ask for them by number.
class BatchReader {
 public:
  BatchReader(ImageSource* source, int64_t batch_size)
      : source_(*source), batch_size_(batch_size) {}

  // Every number must be asked for once, by threads that take them in their order: who comes early
  // waits. Empty after the last.
  absl::StatusOr<std::vector<SourceItem>> Read(int64_t batch) {
    absl::MutexLock lock(&mutex_);
    const auto is_next = [&] { return next_ == batch; };
    mutex_.Await(absl::Condition(&is_next));
    std::vector<SourceItem> items;
    const absl::Status read =
        at_end_ ? absl::OkStatus() : CatchOutOfMemory([&] { return ReadItems(&items); });
    ++next_;
    at_end_ = at_end_ || !read.ok();
    if (!read.ok()) return read;
    return items;
  }

 private:
  absl::Status ReadItems(std::vector<SourceItem>* items) {
    while (static_cast<int64_t>(items->size()) < batch_size_) {
      SourceItem item;
      CASSLE_ASSIGN_OR_RETURN(const bool more, source_.Next(&item));
      if (!more) {
        at_end_ = true;
        break;
      }
      items->push_back(std::move(item));
    }
    return absl::OkStatus();
  }

  ImageSource& source_;
  const int64_t batch_size_;
  absl::Mutex mutex_;
  int64_t next_ = 0;
  bool at_end_ = false;
};

absl::StatusOr<std::string> PictureOf(const RgbImage& image) {
  CASSLE_ASSIGN_OR_RETURN(const RgbImage fitted, FitImage(image, kPictureSide));
  return EncodeJpeg(fitted, kPictureQuality);
}

// Appends the network input to `pixels`.
absl::Status Prepare(const NewImageOptions& options, const FrozenEncoder& encoder,
                     bool with_picture, SourceItem* item, NewImage* image,
                     std::vector<uint8_t>* pixels) {
  CASSLE_RETURN_IF_ERROR(LoadPixels({.max_pixels = options.max_pixels}, item).status());
  if (with_picture) {
    CASSLE_ASSIGN_OR_RETURN(image->picture, PictureOf(item->pixels));
  }
  const size_t before = pixels->size();
  pixels->resize(before + encoder.input_bytes());
  const absl::Status prepared = encoder.Prepare(item->pixels, pixels->data() + before);
  if (!prepared.ok()) pixels->resize(before);
  return prepared;
}

// A broken encoder is noticed here, where the image has a name.
absl::Status CheckFinite(const NewBatch& batch, int64_t feature_size) {
  size_t value = 0;
  for (const NewImage& image : batch.images) {
    if (!image.status.ok()) continue;
    for (int64_t c = 0; c < feature_size; ++c, ++value) {
      if (std::isfinite(batch.features[value])) continue;
      return absl::DataLossError(
          absl::StrCat(image.key, ": feature ", c, " is ", batch.features[value],
                       ": the encoder has diverged; train it with a smaller learning rate"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<NewBatch> MakeBatch(const NewImageOptions& options, const FrozenEncoder& encoder,
                                   int64_t index, bool with_pictures, BatchReader* reader) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<SourceItem> items, reader->Read(index));
  NewBatch batch;
  batch.images.resize(items.size());
  std::vector<uint8_t> pixels;
  pixels.reserve(items.size() * encoder.input_bytes());
  for (size_t i = 0; i < items.size(); ++i) {
    SourceItem item = std::move(items[i]);
    NewImage& image = batch.images[i];
    image.key = item.key;
    image.status = CatchOutOfMemory(
        [&] { return Prepare(options, encoder, with_pictures, &item, &image, &pixels); });
    // Which images are damaged must not depend on the machine.
    if (IsOutOfMemory(image.status)) {
      return Annotate(image.status,
                      absl::StrCat(image.key, " (--max_pixels leaves large ones out)"));
    }
    image.remarks = std::move(item.remarks);
  }
  if (pixels.empty()) return batch;
  CASSLE_ASSIGN_OR_RETURN(batch.features, encoder.Extract(pixels));
  CASSLE_RETURN_IF_ERROR(CheckFinite(batch, encoder.feature_size()));
  return batch;
}

}  // namespace

absl::Status ForEachNewBatch(const NewImageOptions& options, const FrozenEncoder& encoder,
                             const StageContext& context, ImageSource* source,
                             const std::function<absl::Status(NewBatch*)>& take) {
  BatchReader reader(source, options.batch_size);
  // How many are still wanted when the batches before have been taken. A batch that is made while
  // some are makes a picture of every image: what is too much is left out below.
  std::atomic<int64_t> pictures = options.pictures;
  Progress progress("encoding", source->size(), "images");
  const int threads = context.threads();
  // Who knows how many there are? The first empty one is the end.
  OrderedPipeline<absl::StatusOr<NewBatch>> batches(
      threads, 0, std::numeric_limits<int64_t>::max(), /*look_ahead=*/threads + 1,
      [&](int64_t index) {
        ConfigureTorchThread();
        return CatchOutOfMemory(
            [&] { return MakeBatch(options, encoder, index, pictures > 0, &reader); });
      });
  int64_t done = 0;
  while (true) {
    CASSLE_ASSIGN_OR_RETURN(NewBatch batch, *batches.Next());
    if (context.interrupted()) {
      return absl::CancelledError("interrupted; run the same command again");
    }
    if (batch.images.empty()) return absl::OkStatus();
    done += static_cast<int64_t>(batch.images.size());
    for (NewImage& image : batch.images) {
      if (!image.status.ok() || pictures == 0) {
        image.picture.clear();
      } else {
        --pictures;
      }
    }
    CASSLE_RETURN_IF_ERROR(take(&batch));
    progress.Set(done);
  }
}

}  // namespace cassle
