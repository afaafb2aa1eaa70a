// The work shard-encoder does for one image: load, decode, resize, encode, measure. Pure, so that
// it runs on any thread.
#ifndef CASSLE_DATA_ENCODE_ITEM_H_
#define CASSLE_DATA_ENCODE_ITEM_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/data/images/pixel_hash.h"
#include "cassle/data/records/image_record.pb.h"
#include "cassle/data/shard_encoder_options.pb.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// Exact sums over pixels, so that any order of adding gives the same mean and deviation.
struct ChannelSums {
  uint64_t pixels = 0;
  std::array<uint64_t, 3> sum = {};
  std::array<uint64_t, 3> sum_of_squares = {};

  void Add(const RgbImage& image);
  void Add(const ChannelSums& other);
  // Mean and population standard deviation in [0, 1], R G B. Zero without pixels.
  std::array<double, 3> Mean() const;
  std::array<double, 3> StandardDeviation() const;
};

struct EncodedItem {
  // Not OK: the image is bad, and this says why.
  absl::Status status;
  int split = 0;
  // Everything but the id.
  v1::ImageRecord record;
  // As SourceItem's.
  std::vector<std::string> remarks;
  // Both of the pixels that are stored (before the loss of a JPEG that is encoded anew).
  ChannelSums sums;
  PixelHash pixels = {};
};

// item is used up.
EncodedItem EncodeItem(const v1::ShardEncoderOptions& options, SourceItem item);

}  // namespace cassle

#endif  // CASSLE_DATA_ENCODE_ITEM_H_
