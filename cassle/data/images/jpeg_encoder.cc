#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// libjpeg needs <cstdio> before it.
#include <jpeglib.h>

#include "absl/strings/str_cat.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/images/jpeg_errors.h"

namespace cassle {
namespace {

class JpegWriter {
 public:
  JpegWriter() {
    std::memset(&jpeg_, 0, sizeof(jpeg_));
    InstallErrors(&errors_);
    jpeg_.err = &errors_.manager;
  }
  ~JpegWriter() {
    jpeg_destroy_compress(&jpeg_);
    std::free(buffer_);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  bool TryWrite(const RgbImage& image, int quality) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_compress(&jpeg_);
    jpeg_mem_dest(&jpeg_, &buffer_, &size_);
    jpeg_.image_width = static_cast<JDIMENSION>(image.width);
    jpeg_.image_height = static_cast<JDIMENSION>(image.height);
    jpeg_.input_components = 3;
    jpeg_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg_);
    jpeg_set_quality(&jpeg_, quality, TRUE);
    jpeg_.comp_info[0].h_samp_factor = 1;
    jpeg_.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&jpeg_, TRUE);
    while (jpeg_.next_scanline < jpeg_.image_height) {
      JSAMPROW row = const_cast<JSAMPROW>(image.At(static_cast<int>(jpeg_.next_scanline), 0));
      jpeg_write_scanlines(&jpeg_, &row, 1);
    }
    jpeg_finish_compress(&jpeg_);
    return true;
  }

  std::string bytes() const { return std::string(reinterpret_cast<const char*>(buffer_), size_); }
  const char* message() const { return errors_.message; }

 private:
  jpeg_compress_struct jpeg_;
  JpegErrors errors_;
  unsigned char* buffer_ = nullptr;
  unsigned long size_ = 0;  // NOLINT: libjpeg's type.
};

}  // namespace

absl::StatusOr<std::string> EncodeJpeg(const RgbImage& image, int quality) {
  if (image.height < 1 || image.width < 1 || image.height > JPEG_MAX_DIMENSION ||
      image.width > JPEG_MAX_DIMENSION || quality < 1 || quality > 100) {
    return absl::InvalidArgumentError(
        absl::StrCat("JPEG: cannot write ", image.height, "x", image.width, " pixels at quality ",
                     quality, " (sides 1 to ", JPEG_MAX_DIMENSION, ", quality 1 to 100)"));
  }
  JpegWriter writer;
  if (!writer.TryWrite(image, quality)) {
    return absl::InternalError(absl::StrCat("JPEG: ", writer.message()));
  }
  return writer.bytes();
}

}  // namespace cassle
