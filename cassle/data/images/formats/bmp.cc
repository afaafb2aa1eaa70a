// Windows bitmaps: 1, 4, 8, 16, 24 and 32 bits, run lengths, masks, OS/2 headers; rows from the
// bottom or the top. Written here, since no library of Debian that is small reads run lengths.
//
//   0   "BM", file size (4), reserved (4), offset of the pixels (4)
//   14  size of what follows (4): 12 (OS/2), 40, 52, 56, 64, 108 or 124
//       width, height (2 each for OS/2, else 4; a negative height: rows from the top),
//       planes (2), bits (2); not OS/2: compression (4), bytes (4), resolution (8), colours (4),
//       important ones (4), masks of red, green, blue (4 each, from size 52; else behind)
//   ..  palette: blue, green, red and, not OS/2, a fourth byte
// Numbers are little-endian. The fourth byte of 32 bits is alpha only if a mask says so.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/formats/file_format.h"

namespace cassle {
namespace {

enum Compression : uint32_t { kPlain = 0, kRunLength8 = 1, kRunLength4 = 2, kMasks = 3 };

uint32_t Number(absl::string_view bytes, size_t offset, int size) {
  uint32_t value = 0;
  for (int i = size - 1; i >= 0; --i) {
    value = value << 8 | static_cast<uint8_t>(bytes[offset + static_cast<size_t>(i)]);
  }
  return value;
}

struct Bitmap {
  int height = 0;
  int width = 0;
  bool from_top = false;
  int bits = 0;
  uint32_t compression = kPlain;
  // Red, green, blue of 16 and 32 bits.
  uint32_t masks[3] = {};
  uint32_t alpha_mask = 0;
  size_t palette_offset = 0;
  int palette_step = 4;
  uint32_t colors = 0;
  size_t pixel_offset = 0;

  size_t row_bytes() const { return (size_t{1} * width * bits + 31) / 32 * 4; }
};

// Only masks of whole bytes, and the two usual layouts of 16 bits.
absl::Status CheckMasks(const Bitmap& bitmap) {
  const auto& [red, green, blue] = bitmap.masks;
  const bool ok16 = green == 0x7e0 ? red == 0xf800 && blue == 0x1f
                                   : red == 0x7c00 && green == 0x3e0 && blue == 0x1f;
  const auto is_byte = [](uint32_t mask) {
    return mask == 0xff || mask == 0xff00 || mask == 0xff0000 || mask == 0xff000000;
  };
  const bool ok32 = is_byte(red) && is_byte(green) && is_byte(blue);
  if (bitmap.bits == 16 ? ok16 : ok32) return absl::OkStatus();
  return absl::DataLossError("unusual colour masks");
}

absl::StatusOr<Bitmap> ReadBitmap(absl::string_view file) {
  const absl::Status early = absl::DataLossError("the file ends in its header");
  if (file.size() < 26) return early;
  Bitmap bitmap;
  const uint32_t header = Number(file, 14, 4);
  const bool os2 = header == 12;
  size_t end = size_t{14} + header;
  if (!os2 && header != 40 && header != 52 && header != 56 && header != 64 && header != 108 &&
      header != 124) {
    return absl::DataLossError(absl::StrCat("a header of ", header, " bytes is not known"));
  }
  if (file.size() < end) return early;
  int64_t height = 0;
  int64_t width = 0;
  if (os2) {
    width = Number(file, 18, 2);
    height = Number(file, 20, 2);
    bitmap.bits = static_cast<int>(Number(file, 24, 2));
    bitmap.palette_step = 3;
  } else {
    width = static_cast<int32_t>(Number(file, 18, 4));
    height = static_cast<int32_t>(Number(file, 22, 4));
    bitmap.bits = static_cast<int>(Number(file, 28, 2));
    bitmap.compression = Number(file, 30, 4);
    bitmap.colors = Number(file, 46, 4);
  }
  bitmap.from_top = height < 0;
  height = std::abs(height);
  if (width < 1 || height < 1 || height > INT32_MAX) {
    return absl::DataLossError(absl::StrCat("the size is ", width, "x", height));
  }
  bitmap.height = static_cast<int>(height);
  bitmap.width = static_cast<int>(width);
  const int bits = bitmap.bits;
  const bool run_length = (bitmap.compression == kRunLength8 && bits == 8) ||
                          (bitmap.compression == kRunLength4 && bits == 4);
  const bool plain = bitmap.compression == kPlain && (bits == 1 || bits == 4 || bits == 8 ||
                                                      bits == 16 || bits == 24 || bits == 32);
  const bool masks = bitmap.compression == kMasks && (bits == 16 || bits == 24 || bits == 32);
  if (!run_length && !plain && !masks) {
    return absl::DataLossError(
        absl::StrCat(bits, " bits with compression ", bitmap.compression, " are not known"));
  }
  if (bits == 16) std::copy_n(std::begin({0x7c00u, 0x3e0u, 0x1fu}), 3, bitmap.masks);
  if (bits == 32) std::copy_n(std::begin({0xff0000u, 0xff00u, 0xffu}), 3, bitmap.masks);
  if (masks && bits != 24) {
    const bool behind = header == 40;
    if (behind && file.size() < end + 12) return early;
    uint32_t found[3];
    for (size_t i = 0; i < 3; ++i) found[i] = Number(file, 54 + 4 * i, 4);
    if (behind) end += 12;
    if (bits == 32 && header >= 56 && header != 64) bitmap.alpha_mask = Number(file, 66, 4);
    // All zero: what programs write who mean the usual ones.
    if ((found[0] | found[1] | found[2]) != 0) {
      std::copy_n(found, 3, bitmap.masks);
      CASSLE_RETURN_IF_ERROR(CheckMasks(bitmap));
    }
  }
  if (bits <= 8) {
    if (bitmap.colors == 0) bitmap.colors = 1u << bits;
    if (bitmap.colors > 65536) {
      return absl::DataLossError(absl::StrCat("a palette of ", bitmap.colors, " colours"));
    }
    bitmap.palette_offset = end;
    end += size_t{1} * bitmap.palette_step * bitmap.colors;
    if (file.size() < end) return early;
  } else {
    // What a screen of few colours should show; not needed for the pixels.
    bitmap.colors = 0;
  }
  // Zero, or pointing into the palette: right behind it.
  bitmap.pixel_offset = Number(file, 10, 4);
  const bool into_palette = bits <= 8 && bitmap.pixel_offset == size_t{14} + header;
  if (bitmap.pixel_offset == 0 || into_palette) bitmap.pixel_offset = end;
  if (bitmap.pixel_offset > file.size()) return early;
  return bitmap;
}

// R G B of every index; those without an entry are black, as in Pillow.
std::vector<uint8_t> ReadPalette(absl::string_view file, const Bitmap& bitmap) {
  std::vector<uint8_t> palette(3 * 256);
  for (size_t i = 0; i < std::min<size_t>(bitmap.colors, 256); ++i) {
    for (size_t c = 0; c < 3; ++c) {
      palette[3 * i + c] = static_cast<uint8_t>(
          file[bitmap.palette_offset + i * static_cast<size_t>(bitmap.palette_step) + 2 - c]);
    }
  }
  return palette;
}

// What of `pixel` is under the mask, scaled to 0 .. 255.
uint8_t UnderMask(uint32_t pixel, uint32_t mask) {
  const int shift = __builtin_ctz(mask);
  const uint32_t most = mask >> shift;
  return static_cast<uint8_t>(((pixel & mask) >> shift) * 255 / most);
}

uint32_t PixelAt(const uint8_t* row, int x, int bytes) {
  return Number(
      absl::string_view(reinterpret_cast<const char*>(row) + size_t{1} * x * bytes, bytes), 0,
      bytes);
}

void DecodePlainRow(const Bitmap& bitmap, const std::vector<uint8_t>& palette, const uint8_t* row,
                    uint8_t* rgb) {
  for (int x = 0; x < bitmap.width; ++x, rgb += 3) {
    if (bitmap.bits <= 8) {
      const int first_bit = x * bitmap.bits % 8;
      const uint8_t byte = row[size_t{1} * x * bitmap.bits / 8];
      const int index = byte >> (8 - bitmap.bits - first_bit) & ((1 << bitmap.bits) - 1);
      std::copy_n(&palette[size_t{3} * index], 3, rgb);
    } else if (bitmap.bits == 24) {
      for (int c = 0; c < 3; ++c) rgb[c] = row[size_t{3} * x + 2 - c];
    } else {
      const uint32_t pixel = PixelAt(row, x, bitmap.bits / 8);
      for (int c = 0; c < 3; ++c) rgb[c] = UnderMask(pixel, bitmap.masks[c]);
    }
  }
}

// Indices in the order of the file, row by row.
absl::Status DecodeRuns(absl::string_view rest, const Bitmap& bitmap,
                        std::vector<uint8_t>* indices) {
  const bool nibbles = bitmap.compression == kRunLength4;
  const size_t width = bitmap.width;
  const size_t size = width * bitmap.height;
  const size_t start = rest.size();
  indices->clear();
  indices->reserve(size);
  const auto zeros = [&](size_t count) {
    indices->resize(indices->size() + std::min(count, size - indices->size()));
  };
  const auto half = [](char byte, size_t i) {
    return static_cast<uint8_t>(i % 2 == 0 ? static_cast<uint8_t>(byte) >> 4 : byte & 15);
  };
  while (indices->size() < size && rest.size() >= 2) {
    const uint8_t count = static_cast<uint8_t>(rest[0]);
    const uint8_t value = static_cast<uint8_t>(rest[1]);
    rest.remove_prefix(2);
    const size_t x = indices->size() % width;
    if (count > 0) {
      // A run does not go on into the next row.
      const size_t pixels = std::min<size_t>(count, width - x);
      for (size_t i = 0; i < pixels; ++i) {
        indices->push_back(nibbles ? half(static_cast<char>(value), i) : value);
      }
    } else if (value == 0) {
      if (x != 0) zeros(width - x);
    } else if (value == 1) {
      break;
    } else if (value == 2) {
      if (rest.size() < 2) break;
      zeros(static_cast<uint8_t>(rest[0]) + static_cast<uint8_t>(rest[1]) * width);
      rest.remove_prefix(2);
    } else {
      const size_t pixels = std::min<size_t>(value, size - indices->size());
      const size_t bytes = nibbles ? (pixels + 1) / 2 : pixels;
      if (rest.size() < bytes) break;
      for (size_t i = 0; i < pixels; ++i) {
        indices->push_back(nibbles ? half(rest[i / 2], i) : static_cast<uint8_t>(rest[i]));
      }
      rest.remove_prefix(bytes);
      if ((bitmap.pixel_offset + start - rest.size()) % 2 != 0 && !rest.empty()) {
        rest.remove_prefix(1);
      }
    }
  }
  if (indices->size() < size) return absl::DataLossError("the pixels end early");
  return absl::OkStatus();
}

bool Matches(absl::string_view file) {
  // Two letters are little: the size of the header is what tells.
  return file.size() >= 26 && file.substr(0, 2) == "BM" && Number(file, 14, 4) <= 124;
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  CASSLE_ASSIGN_OR_RETURN(const Bitmap bitmap, ReadBitmap(file));
  return ImageHeader{v1::IMAGE_FORMAT_UNSPECIFIED, bitmap.height, bitmap.width, 1};
}

absl::Status Decode(absl::string_view file, const ImageHeader&, RgbImage* image,
                    DecodeReport* report) {
  CASSLE_ASSIGN_OR_RETURN(const Bitmap bitmap, ReadBitmap(file));
  const std::vector<uint8_t> palette = ReadPalette(file, bitmap);
  const absl::string_view pixels = file.substr(bitmap.pixel_offset);
  const auto row_of = [&](int y) { return bitmap.from_top ? y : bitmap.height - 1 - y; };
  if (bitmap.compression == kRunLength8 || bitmap.compression == kRunLength4) {
    std::vector<uint8_t> indices;
    CASSLE_RETURN_IF_ERROR(DecodeRuns(pixels, bitmap, &indices));
    image->Resize(bitmap.height, bitmap.width);
    for (int y = 0; y < bitmap.height; ++y) {
      for (int x = 0; x < bitmap.width; ++x) {
        const uint8_t index = indices[size_t{1} * y * bitmap.width + x];
        std::copy_n(&palette[size_t{3} * index], 3, image->At(row_of(y), x));
      }
    }
    return absl::OkStatus();
  }
  // The last row may lack its padding.
  const size_t row_bytes = bitmap.row_bytes();
  const size_t used = (size_t{1} * bitmap.width * bitmap.bits + 7) / 8;
  if (pixels.size() < used || (pixels.size() - used) / row_bytes < size_t(bitmap.height - 1)) {
    return absl::DataLossError("the pixels end early");
  }
  image->Resize(bitmap.height, bitmap.width);
  for (int y = 0; y < bitmap.height; ++y) {
    const auto* row = reinterpret_cast<const uint8_t*>(pixels.data()) + y * row_bytes;
    DecodePlainRow(bitmap, palette, row, image->At(row_of(y), 0));
    for (int x = 0; x < bitmap.width && bitmap.alpha_mask != 0; ++x) {
      if ((~PixelAt(row, x, bitmap.bits / 8) & bitmap.alpha_mask) != 0) report->Add(kTransparent);
    }
  }
  return absl::OkStatus();
}

}  // namespace

const FileFormat kBmpFormat = {"BMP", Matches, ReadHeader, Decode};

}  // namespace cassle
