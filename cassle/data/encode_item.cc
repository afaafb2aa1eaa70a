#include "cassle/data/encode_item.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/images/resample.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/data/sources/item_pixels.h"

namespace cassle {
namespace {

using Options = v1::ShardEncoderOptions;

// The format of the record, given that of the file found: unspecified if a record cannot hold it,
// none if the source has no files.
v1::ImageFormat StoredFormat(Options::Store store, std::optional<v1::ImageFormat> found) {
  switch (store) {
    case Options::RAW:
      return v1::RAW_RGB8;
    case Options::PNG:
      return v1::PNG;
    case Options::JPEG:
      return v1::JPEG;
    default:
      if (!found.has_value()) return v1::RAW_RGB8;
      return *found == v1::IMAGE_FORMAT_UNSPECIFIED ? v1::PNG : *found;
  }
}

// Says which images are not kept as they were found.
void RemarkChange(const Options& options, const ImageFileContent& content, SourceItem* item) {
  if (options.store() != Options::ORIGINAL ||
      content.record_format != v1::IMAGE_FORMAT_UNSPECIFIED) {
    return;
  }
  const bool turned = content.format == "JPEG" || content.format == "PNG";
  item->remarks.push_back(absl::StrCat(
      content.format, turned ? " images turned upright by an unusual tag, hence stored as PNG"
                             : " images stored as PNG: their pixels in 8 bits of RGB"));
}

// Shrinks the image so that its short side is `short_side`; true if it did.
absl::StatusOr<bool> ShrinkTo(int short_side, RgbImage* image) {
  const int shorter = std::min(image->height, image->width);
  if (short_side <= 0 || shorter <= short_side) return false;
  const auto scaled = [&](int side) {
    return side == shorter ? short_side
                           : static_cast<int>(static_cast<int64_t>(side) * short_side / shorter);
  };
  RgbImage smaller;
  CASSLE_RETURN_IF_ERROR(Resample(*image, WholeImage(*image), scaled(image->height),
                                  scaled(image->width), Interpolation::kBicubic, &smaller));
  *image = std::move(smaller);
  return true;
}

absl::Status Encode(const Options& options, SourceItem* item, EncodedItem* encoded) {
  CASSLE_ASSIGN_OR_RETURN(const std::optional<ImageFileContent> content,
                          LoadPixels({.max_pixels = options.max_pixels()}, item));
  std::optional<v1::ImageFormat> found;
  if (content.has_value()) {
    found = content->record_format;
    RemarkChange(options, *content, item);
  }
  CASSLE_ASSIGN_OR_RETURN(const bool shrunk, ShrinkTo(options.resize_short(), &item->pixels));
  encoded->sums.Add(item->pixels);
  encoded->pixels = HashPixels(item->pixels);
  const v1::ImageFormat format = StoredFormat(options.store(), found);
  v1::ImageRecord& record = encoded->record;
  record.set_format(format);
  record.set_height(static_cast<uint32_t>(item->pixels.height));
  record.set_width(static_cast<uint32_t>(item->pixels.width));
  if (format == found && !shrunk && options.store() == Options::ORIGINAL) {
    record.set_encoded(std::move(item->file));
    return absl::OkStatus();
  }
  CASSLE_ASSIGN_OR_RETURN(*record.mutable_encoded(),
                          EncodeImage(item->pixels, format, options.jpeg_quality()));
  return absl::OkStatus();
}

}  // namespace

void ChannelSums::Add(const RgbImage& image) {
  // Sixteen pixels at a time, in 32 bits as long as they last: vectors, five times as fast as byte
  // by byte in 64 bits.
  constexpr size_t kLanes = 48, kMostSteps = 65536;
  static_assert(kMostSteps * 255 * 255 <= UINT32_MAX, "sums of squares fit");
  const std::vector<uint8_t>& bytes = image.pixels;
  pixels += bytes.size() / 3;
  size_t i = 0;
  while (i + kLanes <= bytes.size()) {
    uint32_t sums[kLanes] = {}, squares[kLanes] = {};
    const size_t end = std::min(bytes.size(), i + kLanes * kMostSteps);
    for (; i + kLanes <= end; i += kLanes) {
      const uint8_t* values = bytes.data() + i;
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const uint16_t value = values[lane];
        sums[lane] += value;
        squares[lane] += static_cast<uint16_t>(value * value);
      }
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
      sum[lane % 3] += sums[lane];
      sum_of_squares[lane % 3] += squares[lane];
    }
  }
  for (; i < bytes.size(); ++i) {
    const uint64_t value = bytes[i];
    sum[i % 3] += value;
    sum_of_squares[i % 3] += value * value;
  }
}

void ChannelSums::Add(const ChannelSums& other) {
  pixels += other.pixels;
  for (int c = 0; c < 3; ++c) {
    sum[c] += other.sum[c];
    sum_of_squares[c] += other.sum_of_squares[c];
  }
}

std::array<double, 3> ChannelSums::Mean() const {
  std::array<double, 3> mean = {};
  for (int c = 0; c < 3 && pixels > 0; ++c) {
    mean[c] = static_cast<double>(sum[c]) / static_cast<double>(pixels) / 255;
  }
  return mean;
}

std::array<double, 3> ChannelSums::StandardDeviation() const {
  std::array<double, 3> deviation = {};
  for (int c = 0; c < 3 && pixels > 0; ++c) {
    // n * sum(x^2) - sum(x)^2 is exact in 128 bits.
    const unsigned __int128 scaled = static_cast<unsigned __int128>(pixels) * sum_of_squares[c] -
                                     static_cast<unsigned __int128>(sum[c]) * sum[c];
    const double n = static_cast<double>(pixels);
    deviation[c] = std::sqrt(static_cast<double>(scaled)) / n / 255;
  }
  return deviation;
}

EncodedItem EncodeItem(const v1::ShardEncoderOptions& options, SourceItem item) {
  EncodedItem encoded;
  encoded.split = item.split;
  encoded.record.set_key(item.key);
  if (item.label.has_value()) encoded.record.set_label(*item.label);
  encoded.status = CatchOutOfMemory([&] { return Encode(options, &item, &encoded); });
  encoded.remarks = std::move(item.remarks);
  // Loading the image may have changed them: fractions of its size.
  for (v1::Target& target : item.targets) *encoded.record.add_targets() = std::move(target);
  // The id is still to come.
  constexpr int64_t kMostBytesOfId = 11;
  const int64_t bytes = static_cast<int64_t>(encoded.record.ByteSizeLong()) + kMostBytesOfId;
  if (encoded.status.ok() && bytes > kMaxRecordBytes) {
    encoded.status =
        absl::DataLossError(absl::StrCat("with ", bytes,
                                         " bytes it is more than a record can hold: --resize_short "
                                         "shrinks it, --store=png and jpeg compress it"));
  }
  return encoded;
}

}  // namespace cassle
