#include "cassle/data/images/exif.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/strings/match.h"

namespace cassle {
namespace {

// The type that the standard gives to the orientation: unsigned, 16 bits.
constexpr uint32_t kShort = 3;

// An unsigned number of `size` bytes at `offset`; 0 outside the data.
uint32_t ReadNumber(absl::string_view tiff, uint64_t offset, int size, bool big_endian) {
  if (offset + size > tiff.size()) return 0;
  uint32_t value = 0;
  for (int i = 0; i < size; ++i) {
    const uint8_t byte = static_cast<uint8_t>(tiff[offset + (big_endian ? i : size - 1 - i)]);
    value = value << 8 | byte;
  }
  return value;
}

// The floating-point number of those bits, if it is one of the orientations; else 0.
template <class Number, class Bits>
uint32_t WholeNumber(Bits bits) {
  Number value = 0;
  static_assert(sizeof(value) == sizeof(bits), "as many bits");
  std::memcpy(&value, &bits, sizeof(value));
  return value >= 1 && value <= 8 && std::floor(value) == value ? static_cast<uint32_t>(value) : 0;
}

int SizeOf(uint32_t type) {
  switch (type) {
    case 6:  // SBYTE
      return 1;
    case kShort:
    case 8:  // SSHORT
      return 2;
    case 4:   // LONG
    case 9:   // SLONG
    case 11:  // FLOAT
    case 13:  // IFD
      return 4;
    case 5:   // RATIONAL
    case 10:  // SRATIONAL
    case 12:  // DOUBLE
      return 8;
    default:
      return 0;
  }
}

// The first value of a directory entry as a whole number; 0 if it is none. Negative numbers come
// out as large ones, no orientation either.
uint32_t ReadWholeNumber(absl::string_view tiff, uint64_t entry, bool big_endian) {
  const uint32_t type = ReadNumber(tiff, entry + 2, 2, big_endian);
  const uint64_t count = ReadNumber(tiff, entry + 4, 4, big_endian);
  const int size = SizeOf(type);
  // Left-aligned in the entry's last 4 bytes, or their offset.
  const uint64_t place = size * count > 4 ? ReadNumber(tiff, entry + 8, 4, big_endian) : entry + 8;
  const uint32_t first = ReadNumber(tiff, place, std::min(size, 4), big_endian);
  if (type == 11) return WholeNumber<float>(first);
  if (size < 8) return first;
  const uint32_t second = ReadNumber(tiff, place + 4, 4, big_endian);
  if (type == 12) {
    const uint64_t high = big_endian ? first : second, low = big_endian ? second : first;
    return WholeNumber<double>(high << 32 | low);
  }
  return second == 0 || first % second != 0 ? 0 : first / second;
}

}  // namespace

ExifOrientation ReadExifOrientation(absl::string_view block) {
  const absl::string_view prefix("Exif\0\0", 6);
  const absl::string_view tiff = absl::StartsWith(block, prefix) ? block.substr(6) : block;
  const bool big_endian = tiff.substr(0, 2) == "MM";
  if (!big_endian && tiff.substr(0, 2) != "II") return {};
  if (ReadNumber(tiff, 2, 2, big_endian) != 42) return {};
  const uint64_t directory = ReadNumber(tiff, 4, 4, big_endian);
  if (directory < 8) return {};
  const uint32_t entries = ReadNumber(tiff, directory, 2, big_endian);
  for (uint32_t i = 0; i < entries; ++i) {
    // Tag (2 bytes), type (2), count (4), value or its offset (4).
    const uint64_t entry = directory + 2 + uint64_t{12} * i;
    if (entry + 12 > tiff.size()) return {};
    if (ReadNumber(tiff, entry, 2, big_endian) != 0x0112) continue;
    // Of several values the first counts, as in Pillow.
    if (ReadNumber(tiff, entry + 4, 4, big_endian) == 0) return {};
    const uint32_t value = ReadWholeNumber(tiff, entry, big_endian);
    if (value < 1 || value > 8) return {.found = true};
    const bool is_short = ReadNumber(tiff, entry + 2, 2, big_endian) == kShort;
    return {static_cast<int>(value), is_short, /*found=*/true};
  }
  return {};
}

RgbImage ApplyExifOrientation(const RgbImage& stored, int orientation) {
  RgbImage upright;
  const bool swap = ExifSwapsSides(orientation);
  upright.Resize(swap ? stored.width : stored.height, swap ? stored.height : stored.width);
  // Which sides the stored rows and columns are read from.
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      int row = swap ? x : y;
      int column = swap ? y : x;
      if (from_bottom) row = stored.height - 1 - row;
      if (from_right) column = stored.width - 1 - column;
      std::copy_n(stored.At(row, column), 3, upright.At(y, x));
    }
  }
  return upright;
}

}  // namespace cassle
