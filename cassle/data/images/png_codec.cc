#include "cassle/data/images/png_codec.h"

#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/data/images/png_exif.h"

namespace cassle {
namespace {

// Where libpng's error callback leaves its message before it jumps back to the method that called
// libpng. Those methods hold no object with a destructor.
struct PngErrors {
  char message[256] = "";
};

[[noreturn]] void Fail(png_structp png, png_const_charp message) {
  auto* errors = static_cast<PngErrors*>(png_get_error_ptr(png));
  std::snprintf(errors->message, sizeof(errors->message), "%s", message);
  png_longjmp(png, 1);
}

void IgnoreWarning(png_structp, png_const_charp) {}

class PngReader {
 public:
  // report may be null: then transparency is not looked for.
  PngReader(absl::string_view bytes, DecodeReport* report)
      : bytes_(bytes), rest_(bytes), report_(report) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &errors_, Fail, OnWarning);
    info_ = png_create_info_struct(png_);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  absl::Status ReadHeader() {
    if (!TryHeader()) return Error();
    if (report_ == nullptr || !wrong_checksum_) return absl::OkStatus();
    return absl::DataLossError("PNG: a wrong checksum before the pixels");
  }

  // After ReadHeader. Without the orientation, which records are decoded without.
  ImageHeader header() const {
    return {v1::PNG, static_cast<int>(png_get_image_height(png_, info_)),
            static_cast<int>(png_get_image_width(png_, info_))};
  }

  // After ReadHeader.
  absl::Status ReadPixels(RgbImage* image) {
    image->Resize(static_cast<int>(png_get_image_height(png_, info_)),
                  static_cast<int>(png_get_image_width(png_, info_)));
    rows_.resize(image->height);
    for (int y = 0; y < image->height; ++y) rows_[y] = image->At(y, 0);
    if (!TryPixels() && !HasAllPixels()) return Error();
    if (report_ != nullptr) Report();
    return absl::OkStatus();
  }

 private:
  absl::Status Error() const { return absl::DataLossError(absl::StrCat("PNG: ", errors_.message)); }

  static void OnWarning(png_structp png, png_const_charp message) {
    if (std::strstr(message, "CRC error") == nullptr) return;
    // Not set while the constructor runs.
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (reader != nullptr) reader->wrong_checksum_ = true;
  }

  // Was libpng behind the last pixel when it failed?
  bool HasAllPixels() const {
    const bool interlaced = png_get_interlace_type(png_, info_) != PNG_INTERLACE_NONE;
    return png_get_current_row_number(png_) >= png_get_image_height(png_, info_) &&
           (!interlaced || png_get_current_pass_number(png_) >= PNG_INTERLACE_ADAM7_PASSES);
  }

  void Report() const {
    report_->orientation_left = ReadPngOrientation(bytes_);
    if (FindPngChunk(bytes_, "acTL").substr(0, 4) > absl::string_view("\0\0\0\1", 4)) {
      report_->Add(kSeveralFrames);
    }
    if (transparent_) report_->Add(kTransparent);
    if (deep_gray_) report_->Add(kDeepGray);
    if (wrong_checksum_) report_->Add(kDamagedData);
    if (!at_end_) report_->Add(kCutBehindPixels);
    if (at_end_ && !rest_.empty()) report_->Add(kBytesBehindEnd);
  }

  // What png_set_strip_alpha does, and a look at what is dropped.
  static void DropAlpha(png_structp png, png_row_infop row, png_bytep data) {
    if (row->channels != 4) png_error(png, "unexpected channels");
    // Four bytes are written where three are meant: the next pixel stands further on.
    uint8_t all[4] = {255, 255, 255, 255};
    for (png_uint_32 x = 0; x < row->width; ++x) {
      uint8_t pixel[4];
      std::memcpy(pixel, data + size_t{4} * x, 4);
      for (int c = 0; c < 4; ++c) all[c] &= pixel[c];
      std::memcpy(data + size_t{3} * x, pixel, 4);
    }
    if (all[3] != 255) static_cast<PngReader*>(png_get_io_ptr(png))->transparent_ = true;
  }

  static void Read(png_structp png, png_bytep out, size_t size) {
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (size > reader->rest_.size()) png_error(png, "the file ends early");
    std::memcpy(out, reader->rest_.data(), size);
    reader->rest_.remove_prefix(size);
  }

  bool TryHeader() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, this, Read);
    // Chunks that do not change the pixels (profiles, text, gamma) are not even parsed.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_read_info(png_, info_);
    // Later `info_` says what the pixels are converted to: 8-bit RGB.
    deep_gray_ = png_get_bit_depth(png_, info_) == 16 &&
                 (png_get_color_type(png_, info_) & PNG_COLOR_MASK_COLOR) == 0;
    // Of the pixels: zlib has a checksum of its own.
    png_set_crc_action(png_, PNG_CRC_WARN_USE, PNG_CRC_NO_CHANGE);
    return true;
  }

  bool TryPixels() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_strip_16(png_);
    const int color_type = png_get_color_type(png_, info_);
    if (color_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (color_type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
    if ((color_type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png_);
    const bool transparency = png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    if (report_ == nullptr) {
      png_set_strip_alpha(png_);
    } else if (transparency || (color_type & PNG_COLOR_MASK_ALPHA) != 0) {
      if (transparency) png_set_tRNS_to_alpha(png_);
      png_set_read_user_transform_fn(png_, DropAlpha);
      png_set_user_transform_info(png_, nullptr, 8, 3);
    }
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != size_t{3} * png_get_image_width(png_, info_)) {
      png_error(png_, "unexpected row size");
    }
    png_read_image(png_, rows_.data());
    png_read_end(png_, nullptr);
    at_end_ = true;
    return true;
  }

  const absl::string_view bytes_;
  absl::string_view rest_;
  DecodeReport* const report_;
  bool wrong_checksum_ = false;
  bool deep_gray_ = false;
  bool transparent_ = false;
  bool at_end_ = false;
  PngErrors errors_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::vector<png_bytep> rows_;
};

class PngWriter {
 public:
  PngWriter() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, &errors_, Fail, IgnoreWarning);
    info_ = png_create_info_struct(png_);
  }
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  bool TryWrite(const RgbImage& image) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_write_fn(png_, &bytes_, Write, nullptr);
    png_set_IHDR(png_, info_, static_cast<png_uint_32>(image.width),
                 static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png_, 6);
    png_write_info(png_, info_);
    for (int y = 0; y < image.height; ++y) png_write_row(png_, image.At(y, 0));
    png_write_end(png_, nullptr);
    return true;
  }

  std::string& bytes() { return bytes_; }
  const char* message() const { return errors_.message; }

 private:
  static void Write(png_structp png, png_bytep data, size_t size) {
    static_cast<std::string*>(png_get_io_ptr(png))
        ->append(reinterpret_cast<const char*>(data), size);
  }

  PngErrors errors_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::string bytes_;
};

}  // namespace

absl::StatusOr<ImageHeader> ReadPngHeader(absl::string_view file_bytes) {
  PngReader reader(file_bytes, nullptr);
  absl::Status status = reader.ReadHeader();
  if (!status.ok()) return status;
  ImageHeader header = reader.header();
  header.orientation_left = ReadPngOrientation(file_bytes);
  return header;
}

absl::Status DecodePng(absl::string_view file_bytes, const DecodeLimits& limits, RgbImage* image,
                       DecodeReport* report) {
  PngReader reader(file_bytes, report);
  absl::Status status = reader.ReadHeader();
  if (!status.ok()) return status;
  status = CheckPixelLimit(reader.header(), limits);
  if (!status.ok()) return status;
  RgbImage decoded = TakeMemory(image);
  status = reader.ReadPixels(&decoded);
  if (!status.ok()) return status;
  *image = std::move(decoded);
  return absl::OkStatus();
}

absl::StatusOr<std::string> EncodePng(const RgbImage& image) {
  if (image.height < 1 || image.width < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("PNG: cannot write ", image.height, "x", image.width, " pixels"));
  }
  PngWriter writer;
  if (!writer.TryWrite(image)) {
    return absl::InternalError(absl::StrCat("PNG: ", writer.message()));
  }
  return std::move(writer.bytes());
}

}  // namespace cassle
