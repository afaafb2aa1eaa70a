#include "cassle/data/images/exif.h"

#include <algorithm>
#include <cstdint>

namespace cassle {
namespace {

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

}  // namespace

int ExifOrientation(absl::string_view app1) {
  if (app1.substr(0, 6) != absl::string_view("Exif\0\0", 6)) return 1;
  const absl::string_view tiff = app1.substr(6);
  const bool big_endian = tiff.substr(0, 2) == "MM";
  if (!big_endian && tiff.substr(0, 2) != "II") return 1;
  if (ReadNumber(tiff, 2, 2, big_endian) != 42) return 1;
  const uint64_t directory = ReadNumber(tiff, 4, 4, big_endian);
  if (directory < 8) return 1;
  const uint32_t entries = ReadNumber(tiff, directory, 2, big_endian);
  for (uint32_t i = 0; i < entries; ++i) {
    // Tag (2 bytes), type (2; 3 = 16-bit), count (4), value left-aligned in 4 bytes.
    const uint64_t entry = directory + 2 + uint64_t{12} * i;
    if (entry + 12 > tiff.size()) return 1;
    if (ReadNumber(tiff, entry, 2, big_endian) != 0x0112) continue;
    if (ReadNumber(tiff, entry + 2, 2, big_endian) != 3) return 1;
    const uint32_t orientation = ReadNumber(tiff, entry + 8, 2, big_endian);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
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
