#include "cassle/data/images/png_codec.h"

#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"

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
  explicit PngReader(absl::string_view bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &errors_, Fail, IgnoreWarning);
    info_ = png_create_info_struct(png_);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  absl::Status ReadHeader() { return TryHeader() ? absl::OkStatus() : Error(); }

  // After ReadHeader.
  ImageHeader header() const {
    return {v1::PNG, static_cast<int>(png_get_image_height(png_, info_)),
            static_cast<int>(png_get_image_width(png_, info_)), 1};
  }

  // After ReadHeader.
  absl::Status ReadPixels(RgbImage* image) {
    const ImageHeader size = header();
    image->Resize(size.height, size.width);
    rows_.resize(size.height);
    for (int y = 0; y < size.height; ++y) rows_[y] = image->At(y, 0);
    return TryPixels() ? absl::OkStatus() : Error();
  }

 private:
  absl::Status Error() const { return absl::DataLossError(absl::StrCat("PNG: ", errors_.message)); }

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
    return true;
  }

  bool TryPixels() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_strip_16(png_);
    const int color_type = png_get_color_type(png_, info_);
    if (color_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (color_type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
    if ((color_type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != size_t{3} * png_get_image_width(png_, info_)) {
      png_error(png_, "unexpected row size");
    }
    png_read_image(png_, rows_.data());
    png_read_end(png_, nullptr);
    return true;
  }

  absl::string_view rest_;
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
  PngReader reader(file_bytes);
  absl::Status status = reader.ReadHeader();
  if (!status.ok()) return status;
  return reader.header();
}

absl::Status DecodePng(absl::string_view file_bytes, const DecodeLimits& limits, RgbImage* image) {
  PngReader reader(file_bytes);
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
