// GIF by giflib: the first frame on its screen, as Pillow shows it: what the frame does not cover
// has the transparent colour if there is one, else colour 0.
#include <gif_lib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/formats/file_format.h"

namespace cassle {
namespace {

// What the blocks hold, each behind its length, up to an empty one or the end of the file.
std::string JoinedBlocks(absl::string_view blocks) {
  std::string bytes;
  while (!blocks.empty() && blocks[0] != 0) {
    const size_t length = static_cast<uint8_t>(blocks[0]);
    absl::StrAppend(&bytes, blocks.substr(1, length));
    blocks.remove_prefix(std::min(blocks.size(), length + 1));
  }
  return bytes;
}

// Is there a code among those of LZW that stands for nothing yet? Pillow refuses it; giflib makes
// other pixels of it and of all behind it. Codes that are missing at the end it finds itself.
//   pixel_bits  of the code of a single pixel
bool HasUnknownCode(absl::string_view bytes, int pixel_bits, int64_t pixels) {
  constexpr int kMaxBits = 12;
  const int clear = 1 << pixel_bits;
  // How many pixels each code stands for.
  std::vector<int> lengths(1 << kMaxBits, 1);
  int next = clear + 2, code_bits = pixel_bits + 1;
  // -1: none since the table was cleared.
  int before = -1;
  uint32_t window = 0;
  int filled = 0;
  while (pixels > 0) {
    for (; filled < code_bits; filled += 8) {
      if (bytes.empty()) return false;
      window |= uint32_t{static_cast<uint8_t>(bytes[0])} << filled;
      bytes.remove_prefix(1);
    }
    const int code = static_cast<int>(window & ((1u << code_bits) - 1));
    window >>= code_bits;
    filled -= code_bits;
    if (code == clear) {
      next = clear + 2;
      code_bits = pixel_bits + 1;
      before = -1;
      continue;
    }
    if (code == clear + 1) return false;
    if (code > (before < 0 ? clear : next)) return true;
    if (before >= 0 && next < 1 << kMaxBits) {
      lengths[next] = lengths[before] + 1;
      if (++next == 1 << code_bits && code_bits < kMaxBits) ++code_bits;
    }
    pixels -= lengths[code];
    before = code;
  }
  return false;
}

class GifReader {
 public:
  explicit GifReader(absl::string_view file) : file_(file), rest_(file) {}
  ~GifReader() {
    if (gif_ != nullptr) DGifCloseFile(gif_, nullptr);
  }
  GifReader(const GifReader&) = delete;
  GifReader& operator=(const GifReader&) = delete;

  // Goes to the first frame.
  absl::Status ReadHeader() {
    int error = 0;
    gif_ = DGifOpen(this, Read, &error);
    if (gif_ == nullptr) return Error(error);
    bool found = false;
    CASSLE_RETURN_IF_ERROR(FindFrame(&found));
    if (!found) return absl::DataLossError("there is no frame");
    const GifImageDesc& frame = gif_->Image;
    if (frame.Width < 1 || frame.Height < 1 || frame.Left < 0 || frame.Top < 0) {
      return absl::DataLossError("the first frame is empty");
    }
    return absl::OkStatus();
  }

  // After ReadHeader. Some programs leave the size of the screen at 0.
  int height() const { return std::max(gif_->SHeight, gif_->Image.Top + gif_->Image.Height); }
  int width() const { return std::max(gif_->SWidth, gif_->Image.Left + gif_->Image.Width); }

  // After ReadHeader.
  absl::Status ReadPixels(RgbImage* image, DecodeReport* report) {
    const GifImageDesc frame = gif_->Image;
    // The byte before the blocks.
    const int pixel_bits = static_cast<uint8_t>(file_[file_.size() - rest_.size() - 1]);
    if (pixel_bits <= 8 &&
        HasUnknownCode(JoinedBlocks(rest_), pixel_bits, int64_t{frame.Width} * frame.Height)) {
      return absl::DataLossError("its compressed data are damaged");
    }
    const std::vector<uint8_t> palette =
        Palette(frame.ColorMap != nullptr ? frame.ColorMap : gif_->SColorMap);
    const auto paint = [&](int index, uint8_t* rgb) {
      std::copy_n(&palette[size_t{3} * index], 3, rgb);
    };
    image->Resize(height(), width());
    const bool covered = frame.Width == image->width && frame.Height == image->height;
    for (size_t i = 0; i < image->pixels.size() && !covered; i += 3) {
      paint(std::max(transparent_, 0), &image->pixels[i]);
    }
    bool transparent = transparent_ >= 0 && !covered;
    std::vector<uint8_t> indices(frame.Width);
    // Interlaced: every eighth row, those between, and so on.
    constexpr int kFirst[] = {0, 4, 2, 1};
    constexpr int kStep[] = {8, 8, 4, 2};
    for (int pass = 0; pass < (frame.Interlace ? 4 : 1); ++pass) {
      for (int y = kFirst[pass]; y < frame.Height; y += frame.Interlace ? kStep[pass] : 1) {
        if (DGifGetLine(gif_, indices.data(), frame.Width) == GIF_ERROR) return Error(gif_->Error);
        for (int x = 0; x < frame.Width; ++x) {
          paint(indices[x], image->At(frame.Top + y, frame.Left + x));
          transparent = transparent || indices[x] == transparent_;
        }
      }
    }
    if (transparent) report->Add(kTransparent);
    // Pillow does not look behind the first frame either: damage there is no error.
    bool another = false;
    const bool sound = FindFrame(&another).ok();
    if (another) {
      report->Add(kSeveralFrames);
    } else if (!sound || missing_) {
      report->Add(kCutBehindPixels);
    } else if (!rest_.empty()) {
      report->Add(kBytesBehindEnd);
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status Error(int code) {
    const char* reason = GifErrorString(code);
    return absl::DataLossError(reason == nullptr ? "damaged" : reason);
  }

  static int Read(GifFileType* gif, GifByteType* out, int size) {
    auto* reader = static_cast<GifReader*>(gif->UserData);
    absl::string_view* rest = &reader->rest_;
    // The end of blocks that many a file lacks; no pixel can be made of it.
    if (rest->empty() && size == 1) {
      reader->missing_ = true;
      *out = 0;
      return 1;
    }
    const int count = static_cast<int>(std::min<size_t>(size, rest->size()));
    std::memcpy(out, rest->data(), count);
    rest->remove_prefix(count);
    return count;
  }

  // R G B of every index, as in Pillow: those without an entry are black, without a map all are
  // gray.
  static std::vector<uint8_t> Palette(const ColorMapObject* map) {
    std::vector<uint8_t> palette(3 * 256);
    for (size_t i = 0; i < palette.size() && map == nullptr; ++i) {
      palette[i] = static_cast<uint8_t>(i / 3);
    }
    for (int i = 0; map != nullptr && i < std::min(map->ColorCount, 256); ++i) {
      const GifColorType& color = map->Colors[i];
      palette[3 * i] = color.Red;
      palette[3 * i + 1] = color.Green;
      palette[3 * i + 2] = color.Blue;
    }
    return palette;
  }

  // Reads on to the next frame, if there is one; keeps the transparent index before it.
  absl::Status FindFrame(bool* found) {
    *found = false;
    while (true) {
      GifRecordType type = UNDEFINED_RECORD_TYPE;
      if (DGifGetRecordType(gif_, &type) == GIF_ERROR) return Error(gif_->Error);
      if (type == TERMINATE_RECORD_TYPE) return absl::OkStatus();
      if (type == IMAGE_DESC_RECORD_TYPE) {
        if (DGifGetImageDesc(gif_) == GIF_ERROR) return Error(gif_->Error);
        *found = true;
        return absl::OkStatus();
      }
      if (type != EXTENSION_RECORD_TYPE) continue;
      int code = 0;
      GifByteType* block = nullptr;
      if (DGifGetExtension(gif_, &code, &block) == GIF_ERROR) return Error(gif_->Error);
      if (code == GRAPHICS_EXT_FUNC_CODE && block != nullptr) {
        GraphicsControlBlock control;
        if (DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK &&
            control.TransparentColor != NO_TRANSPARENT_COLOR) {
          transparent_ = control.TransparentColor;
        }
      }
      while (block != nullptr) {
        if (DGifGetExtensionNext(gif_, &block) == GIF_ERROR) return Error(gif_->Error);
      }
    }
  }

  const absl::string_view file_;
  // What is not read yet.
  absl::string_view rest_;
  GifFileType* gif_ = nullptr;
  // Index that means "no colour here"; -1: none.
  int transparent_ = -1;
  bool missing_ = false;
};

bool Matches(absl::string_view file) {
  return file.substr(0, 6) == "GIF87a" || file.substr(0, 6) == "GIF89a";
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  GifReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return ImageHeader{v1::IMAGE_FORMAT_UNSPECIFIED, reader.height(), reader.width(), 1};
}

absl::Status Decode(absl::string_view file, const ImageHeader&, RgbImage* image,
                    DecodeReport* report) {
  GifReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.ReadPixels(image, report);
}

}  // namespace

const FileFormat kGifFormat = {"GIF", Matches, ReadHeader, Decode};

}  // namespace cassle
