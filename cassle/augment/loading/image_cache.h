// Decoded images of a data set, kept in memory up to a budget. Small images are decoded once
// instead of once per epoch and view.
#ifndef CASSLE_AUGMENT_LOADING_IMAGE_CACHE_H_
#define CASSLE_AUGMENT_LOADING_IMAGE_CACHE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/augment/operations/time_account.h"
#include "cassle/data/records/dataset.h"

namespace cassle {

struct DecodedImage {
  RgbImage image;
  uint64_t id = 0;
  // Class of the cache's target; -1: none.
  int64_t label = -1;
};

// Keeps the first images asked for until the budget is used up, and never drops one: every epoch
// visits every image once, so no choice is better than another. Thread-safe and lock-free.
class ImageCache {
 public:
  // capacity_bytes  of pixels; 0 keeps nothing.
  // target          whose class DecodedImage.label is (cassle/data/records/class_target.h).
  ImageCache(std::shared_ptr<const Dataset> images, int64_t capacity_bytes, std::string target);
  ~ImageCache();
  ImageCache(const ImageCache&) = delete;
  ImageCache& operator=(const ImageCache&) = delete;

  // Sets `image` to the decoded image, which lives as long as the cache; or, where there is no room
  // for it, to null and `record` to the image as stored, for the caller to decode what it needs.
  // The clock is stamped for what was read and decoded.
  // \error as Dataset::ReadImage.
  absl::Status Get(int64_t index, v1::ImageRecord* record, const DecodedImage** image,
                   WorkClock* clock);

 private:
  const std::shared_ptr<const Dataset> images_;
  const std::string target_;
  // Bytes still free; may fall below zero by those who asked in vain.
  std::atomic<int64_t> free_bytes_;
  std::vector<std::atomic<const DecodedImage*>> slots_;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_LOADING_IMAGE_CACHE_H_
