// JPEG and PNG files: header, decoding (whole, and regions at each scale), EXIF orientation.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "cassle/base/testing/fuzz_check.h"
#include "cassle/data/images/codec.h"

namespace cassle {
namespace {

// Enough for every path through the decoders; few, since each input is decoded twenty times.
constexpr DecodeLimits kLimits = {/*max_pixels=*/1 << 14};

uint32_t BigEndian(const std::string& bytes, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
  return value;
}

// CRC-32 as PNG and zlib have it.
uint32_t Crc32(const char* data, size_t size) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < size; ++i) {
    crc ^= static_cast<uint8_t>(data[i]);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

// Makes the checksums of a PNG's chunks right: otherwise nearly every mutant ends there.
std::string WithRightChecksums(std::string png) {
  for (size_t chunk = 8; chunk + 12 <= png.size();) {
    const uint64_t length = BigEndian(png, chunk);
    if (length > png.size() - chunk - 12) break;
    const uint32_t checksum = Crc32(png.data() + chunk + 4, length + 4);
    for (size_t i = 0; i < 4; ++i) {
      png[chunk + 8 + length + i] = static_cast<char>(checksum >> (24 - 8 * i));
    }
    chunk += length + 12;
  }
  return png;
}

// An image as it may be left from an earlier use.
RgbImage Used(uint8_t value) {
  RgbImage image;
  image.Resize(40, 50);
  std::memset(image.pixels.data(), value, image.pixels.size());
  return image;
}

// Boxes that differ from input to input: the whole, a corner, and two drawn from a hash of the
// file.
std::vector<Box> BoxesOf(const std::string& file, int height, int width) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char byte : file) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
  const auto below = [&hash](int limit) {
    hash = hash * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int>((hash >> 33) % static_cast<uint64_t>(limit));
  };
  std::vector<Box> boxes = {{0, 0, height, width}, {height - 1, width - 1, 1, 1}};
  for (int i = 0; i < 2; ++i) {
    const int top = below(height);
    const int left = below(width);
    boxes.push_back({top, left, 1 + below(height - top), 1 + below(width - left)});
  }
  return boxes;
}

// Pixels [first, last) of the axis, at full resolution, lie inside `size` decoded ones from
// `begin`.
bool Holds(int begin, int size, int denominator, int first, int length) {
  return begin >= 0 && begin <= first / denominator &&
         begin + size > (first + length - 1) / denominator;
}

// The wanted box of both.
bool SamePixels(const ImageRegion& a, const ImageRegion& b, const Box& box) {
  const int d = a.denominator;
  for (int y = box.top / d; y <= (box.top + box.height - 1) / d; ++y) {
    const int left = box.left / d;
    const int columns = (box.left + box.width - 1) / d - left + 1;
    if (std::memcmp(a.pixels.At(y - a.top, left - a.left), b.pixels.At(y - b.top, left - b.left),
                    size_t{3} * columns) != 0) {
      return false;
    }
  }
  return true;
}

// `image` is the whole, decoded, or null if it cannot be: then a part may still be.
void CheckRegions(const std::string& file, const ImageHeader& header, const RgbImage* image) {
  for (int denominator : {0, 1, 2, 4, 8}) {
    ImageRegion whole;
    bool have_whole = false;
    for (const Box& box : BoxesOf(file, header.height, header.width)) {
      ImageRegion region;
      region.pixels = Used(0x77);
      const absl::Status status = DecodeRegion(file, header.format, header.height, header.width,
                                               {box, denominator}, &region, kLimits);
      CASSLE_FUZZ_CHECK(region.pixels.pixels.size() ==
                        uint64_t{3} * region.pixels.height * region.pixels.width);
      // What the whole image does not hurt, hurts no part.
      CASSLE_FUZZ_CHECK(status.ok() ? true : BlamesInput(status) && image == nullptr);
      if (!status.ok()) continue;
      CASSLE_FUZZ_CHECK(region.image_height == header.height && region.image_width == header.width);
      CASSLE_FUZZ_CHECK(region.denominator == std::max(denominator, 1) || region.denominator == 1);
      CASSLE_FUZZ_CHECK(
          Holds(region.top, region.pixels.height, region.denominator, box.top, box.height));
      CASSLE_FUZZ_CHECK(
          Holds(region.left, region.pixels.width, region.denominator, box.left, box.width));
      if (denominator == 0 && image != nullptr) {
        ImageRegion exact;
        exact.pixels = *image;
        CASSLE_FUZZ_CHECK(SamePixels(region, exact, box));
      }
      // The first box is the whole image.
      if (!have_whole && box.height == header.height && box.width == header.width) {
        whole = std::move(region);
        have_whole = true;
      } else if (have_whole) {
        CASSLE_FUZZ_CHECK(SamePixels(region, whole, box));
      }
    }
  }
}

void CheckImage(const std::string& file) {
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(file);
  RgbImage image = Used(0x55);
  const absl::Status status = DecodeImage(file, &image, kLimits);
  CASSLE_FUZZ_CHECK(header.ok() || BlamesInput(header.status()));
  CASSLE_FUZZ_CHECK(image.pixels.size() == uint64_t{3} * image.height * image.width);
  if (header.ok() && CheckPixelLimit(*header, kLimits).ok()) {
    CheckRegions(file, *header, status.ok() ? &image : nullptr);
  }
  if (!status.ok()) {
    CASSLE_FUZZ_CHECK(BlamesInput(status));
    return;
  }
  CASSLE_FUZZ_CHECK(header.ok());
  CASSLE_FUZZ_CHECK(header->height == image.height && header->width == image.width);
  CASSLE_FUZZ_CHECK(image.height >= 1 && image.width >= 1);
  CASSLE_FUZZ_CHECK(int64_t{image.height} * image.width <= kLimits.max_pixels);
  // No pixel depends on what was in the memory before.
  RgbImage again = Used(0xaa);
  CASSLE_FUZZ_CHECK(
      DecodeImage(file, header->format, image.height, image.width, &again, kLimits).ok());
  CASSLE_FUZZ_CHECK(again == image);
  CASSLE_FUZZ_CHECK(
      !DecodeImage(file, header->format, image.height + 1, image.width, &again, kLimits).ok());
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string file(reinterpret_cast<const char*>(data), size);
  cassle::CheckImage(file);
  if (cassle::SniffImageFormat(file) == cassle::v1::PNG) {
    cassle::CheckImage(cassle::WithRightChecksums(file));
  }
  return 0;
}
