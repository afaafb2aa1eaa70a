// JPEG XL by libjxl: the first frame, upright, in the colours of the file rounded to 8 bits. Alpha
// is dropped.
#include <jxl/decode.h>
#include <jxl/decode_cxx.h>

#include <cstdint>
#include <vector>

#include "cassle/base/status_macros.h"
#include "cassle/data/images/formats/file_format.h"

namespace cassle {
namespace {

class JxlReader {
 public:
  explicit JxlReader(absl::string_view file) : file_(file), decoder_(JxlDecoderMake(nullptr)) {}

  absl::Status ReadHeader() {
    // Colours as they are seen on their own, not darkened where the image is transparent.
    if (decoder_ == nullptr ||
        JxlDecoderSetUnpremultiplyAlpha(decoder_.get(), JXL_TRUE) != JXL_DEC_SUCCESS ||
        JxlDecoderSubscribeEvents(decoder_.get(), JXL_DEC_BASIC_INFO | JXL_DEC_FRAME |
                                                      JXL_DEC_FULL_IMAGE) != JXL_DEC_SUCCESS ||
        JxlDecoderSetInput(decoder_.get(), reinterpret_cast<const uint8_t*>(file_.data()),
                           file_.size()) != JXL_DEC_SUCCESS) {
      return absl::DataLossError("libjxl has no memory");
    }
    JxlDecoderCloseInput(decoder_.get());
    if (JxlDecoderProcessInput(decoder_.get()) != JXL_DEC_BASIC_INFO ||
        JxlDecoderGetBasicInfo(decoder_.get(), &info_) != JXL_DEC_SUCCESS || info_.xsize < 1 ||
        info_.ysize < 1 || info_.xsize > INT32_MAX || info_.ysize > INT32_MAX) {
      return Damaged();
    }
    header_ = {v1::IMAGE_FORMAT_UNSPECIFIED, static_cast<int>(info_.ysize),
               static_cast<int>(info_.xsize), 1};
    return absl::OkStatus();
  }

  const ImageHeader& header() const { return header_; }

  absl::Status ReadPixels(RgbImage* image, DecodeReport* report) {
    const bool alpha = info_.alpha_bits > 0;
    const JxlPixelFormat format = {alpha ? 4u : 3u, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
    std::vector<uint8_t> rgba;
    while (true) {
      switch (JxlDecoderProcessInput(decoder_.get())) {
        case JXL_DEC_FRAME:
          break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
          image->Resize(header_.height, header_.width);
          if (alpha) rgba.resize(image->pixels.size() / 3 * 4);
          if (JxlDecoderSetImageOutBuffer(
                  decoder_.get(), &format, alpha ? rgba.data() : image->pixels.data(),
                  alpha ? rgba.size() : image->pixels.size()) != JXL_DEC_SUCCESS) {
            return Damaged();
          }
          break;
        case JXL_DEC_FULL_IMAGE:
          if (info_.have_animation != 0) report->Add(kSeveralFrames);
          if (alpha && DropAlpha(rgba, image)) report->Add(kTransparent);
          return absl::OkStatus();
        default:
          return Damaged();
      }
    }
  }

 private:
  static absl::Status Damaged() { return absl::DataLossError("the file is damaged or ends early"); }

  const absl::string_view file_;
  const JxlDecoderPtr decoder_;
  JxlBasicInfo info_ = {};
  ImageHeader header_;
};

bool Matches(absl::string_view file) {
  return file.substr(0, 2) == "\xff\x0a" ||
         file.substr(0, 12) == absl::string_view("\0\0\0\x0cJXL \r\n\x87\n", 12);
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  JxlReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.header();
}

absl::Status Decode(absl::string_view file, const ImageHeader&, RgbImage* image,
                    DecodeReport* report) {
  JxlReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.ReadPixels(image, report);
}

}  // namespace

const FileFormat kJpegXlFormat = {"JPEG XL", Matches, ReadHeader, Decode};

}  // namespace cassle
