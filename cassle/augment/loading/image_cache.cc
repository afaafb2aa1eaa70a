#include "cassle/augment/loading/image_cache.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/data/records/class_target.h"

namespace cassle {

ImageCache::ImageCache(std::shared_ptr<const Dataset> images, int64_t capacity_bytes,
                       std::string target)
    : images_(std::move(images)),
      target_(std::move(target)),
      free_bytes_(capacity_bytes),
      slots_(capacity_bytes > 0 ? images_->size() : 0) {}

ImageCache::~ImageCache() {
  for (auto& slot : slots_) delete slot.load();
}

absl::Status ImageCache::Get(int64_t index, v1::ImageRecord* record, const DecodedImage** image,
                             WorkClock* clock) {
  *image = nullptr;
  const bool has_slot = index >= 0 && index < static_cast<int64_t>(slots_.size());
  if (has_slot) {
    *image = slots_[index].load(std::memory_order_acquire);
    if (*image != nullptr) return absl::OkStatus();
  }
  CASSLE_RETURN_IF_ERROR(images_->Read(index, record));
  clock->Lap(Work::kRead);
  if (!has_slot) return absl::OkStatus();
  const int64_t bytes =
      int64_t{3} * record->height() * record->width() + static_cast<int64_t>(sizeof(DecodedImage));
  if (free_bytes_.fetch_sub(bytes) < bytes) {
    free_bytes_.fetch_add(bytes);
    return absl::OkStatus();
  }
  auto kept = std::make_unique<DecodedImage>();
  CASSLE_RETURN_IF_ERROR(images_->Decode(*record, &kept->image));
  clock->Lap(Work::kDecode);
  kept->id = record->id();
  kept->label = ClassOf(*record, target_);
  const DecodedImage* expected = nullptr;
  if (slots_[index].compare_exchange_strong(expected, kept.get(), std::memory_order_acq_rel)) {
    *image = kept.release();
  } else {
    // Another thread was faster with the same image.
    free_bytes_.fetch_add(bytes);
    *image = expected;
  }
  return absl::OkStatus();
}

}  // namespace cassle
