// JPEG and PNG files: header, decoding, EXIF orientation.
#include <cstring>
#include <string>

#include "cassle/base/fuzz_check.h"
#include "cassle/data/codec.h"

namespace cassle {
namespace {

// Enough for every path through the decoders, and few enough for many inputs a second.
constexpr DecodeLimits kLimits = {/*max_pixels=*/1 << 16};

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

void CheckImage(const std::string& file) {
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(file);
  RgbImage image = Used(0x55);
  const absl::Status status = DecodeImage(file, &image, kLimits);
  CASSLE_FUZZ_CHECK(header.ok() || BlamesInput(header.status()));
  CASSLE_FUZZ_CHECK(image.pixels.size() == uint64_t{3} * image.height * image.width);
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
