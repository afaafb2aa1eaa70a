// AVIF by libavif: the picture, or the first of a sequence; its rotation and mirroring are applied.
// Alpha is dropped, depths above 8 bits are scaled.
#include <avif/avif.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/formats/file_format.h"

namespace cassle {
namespace {

absl::Status Error(avifResult result) { return absl::DataLossError(avifResultToString(result)); }

// The EXIF orientation of what the container says: first turned anti-clockwise by quarters, then
// mirrored.
int Orientation(const avifImage& image) {
  const bool turned = (image.transformFlags & AVIF_TRANSFORM_IROT) != 0;
  const int quarters = turned ? image.irot.angle & 3 : 0;
  if ((image.transformFlags & AVIF_TRANSFORM_IMIR) == 0) {
    constexpr int kTurned[] = {1, 8, 3, 6};
    return kTurned[quarters];
  }
  constexpr int kUpsideDown[] = {4, 5, 2, 7};
  constexpr int kMirrored[] = {2, 7, 4, 5};
  return (image.imir.mode == 0 ? kUpsideDown : kMirrored)[quarters];
}

class AvifReader {
 public:
  explicit AvifReader(absl::string_view file)
      : file_(file), decoder_(avifDecoderCreate(), avifDecoderDestroy) {}

  absl::Status ReadHeader() {
    if (decoder_ == nullptr) return Error(AVIF_RESULT_OUT_OF_MEMORY);
    decoder_->ignoreExif = AVIF_TRUE;
    decoder_->ignoreXMP = AVIF_TRUE;
    decoder_->maxThreads = 1;
    // Programs of the first years wrote files that break these rules.
    decoder_->strictFlags = AVIF_STRICT_DISABLED;
    avifResult result = avifDecoderSetIOMemory(
        decoder_.get(), reinterpret_cast<const uint8_t*>(file_.data()), file_.size());
    if (result == AVIF_RESULT_OK) result = avifDecoderParse(decoder_.get());
    if (result != AVIF_RESULT_OK) return Error(result);
    header_ = {v1::IMAGE_FORMAT_UNSPECIFIED, static_cast<int>(decoder_->image->height),
               static_cast<int>(decoder_->image->width), Orientation(*decoder_->image)};
    if (header_.height < 1 || header_.width < 1) return absl::DataLossError("the image is empty");
    return absl::OkStatus();
  }

  const ImageHeader& header() const { return header_; }

  absl::Status ReadPixels(RgbImage* image, DecodeReport* report) {
    avifResult result = avifDecoderNextImage(decoder_.get());
    if (result != AVIF_RESULT_OK) return Error(result);
    const avifImage& decoded = *decoder_->image;
    if (static_cast<int>(decoded.height) != header_.height ||
        static_cast<int>(decoded.width) != header_.width) {
      return absl::DataLossError("the container and the picture differ in size");
    }
    image->Resize(header_.height, header_.width);
    // Into three channels libavif would multiply by alpha.
    const bool alpha = decoded.alphaPlane != nullptr;
    std::vector<uint8_t> rgba(alpha ? image->pixels.size() / 3 * 4 : 0);
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, &decoded);
    rgb.depth = 8;
    rgb.format = alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    rgb.pixels = alpha ? rgba.data() : image->pixels.data();
    rgb.rowBytes = (alpha ? 4 : 3) * rgb.width;
    result = avifImageYUVToRGB(&decoded, &rgb);
    if (result != AVIF_RESULT_OK) return Error(result);
    if (alpha && DropAlpha(rgba, image)) report->Add(kTransparent);
    if (decoder_->imageCount > 1) report->Add(kSeveralFrames);
    return absl::OkStatus();
  }

 private:
  const absl::string_view file_;
  const std::unique_ptr<avifDecoder, decltype(&avifDecoderDestroy)> decoder_;
  ImageHeader header_;
};

bool Matches(absl::string_view file) {
  const absl::string_view brands = file.substr(0, std::min<size_t>(file.size(), 64));
  if (brands.size() < 16 || brands.substr(4, 4) != "ftyp") return false;
  const absl::string_view major = brands.substr(8, 4);
  if (major == "avif" || major == "avis") return true;
  // "Any still picture": what kind says the list behind.
  return major == "mif1" && absl::StrContains(brands.substr(16), "avif");
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  AvifReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.header();
}

absl::Status Decode(absl::string_view file, const ImageHeader&, RgbImage* image,
                    DecodeReport* report) {
  AvifReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.ReadPixels(image, report);
}

}  // namespace

const FileFormat kAvifFormat = {"AVIF", Matches, ReadHeader, Decode};

}  // namespace cassle
