// HEIC (HEIF with HEVC, as phones write it) by libheif: the primary picture, turned as the
// container says; the EXIF orientation is not looked at, as the standard wants it. Alpha is
// dropped.
#include <libheif/heif.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>

#include "cassle/base/status_macros.h"
#include "cassle/data/images/formats/file_format.h"
#include "cassle/data/images/formats/heif_references.h"

namespace cassle {
namespace {

// Tiles may be larger than the picture that is cut out of them: cameras' have 512 x 512.
constexpr int kTilePixels = 2048 * 2048;

class HeicReader {
 public:
  explicit HeicReader(absl::string_view file)
      : file_(file), context_(heif_context_alloc(), heif_context_free) {}
  ~HeicReader() {
    if (image_ != nullptr) heif_image_release(image_);
    if (handle_ != nullptr) heif_image_handle_release(handle_);
  }
  HeicReader(const HeicReader&) = delete;
  HeicReader& operator=(const HeicReader&) = delete;

  absl::Status ReadHeader() {
    if (context_ == nullptr) return absl::DataLossError("libheif has no memory");
    heif_context_set_max_decoding_threads(context_.get(), 0);
    CASSLE_RETURN_IF_ERROR(Check(heif_context_read_from_memory_without_copy(
        context_.get(), file_.data(), file_.size(), nullptr)));
    heif_item_id primary = 0;
    CASSLE_RETURN_IF_ERROR(Check(heif_context_get_primary_image_ID(context_.get(), &primary)));
    CASSLE_RETURN_IF_ERROR(CheckHeifReferences(file_, primary));
    CASSLE_RETURN_IF_ERROR(Check(heif_context_get_primary_image_handle(context_.get(), &handle_)));
    header_ = {v1::IMAGE_FORMAT_UNSPECIFIED, heif_image_handle_get_height(handle_),
               heif_image_handle_get_width(handle_), 1};
    if (header_.height < 1 || header_.width < 1) return absl::DataLossError("the image is empty");
    return absl::OkStatus();
  }

  const ImageHeader& header() const { return header_; }

  absl::Status ReadPixels(RgbImage* image, DecodeReport* report) {
    // Grids and tiles inside have sizes of their own: a few bytes could ask for gigabytes.
    const double pixels = std::max<double>(kTilePixels, 4.0 * header_.height * header_.width);
    heif_context_set_maximum_image_size_limit(context_.get(),
                                              static_cast<int>(std::ceil(std::sqrt(pixels))));
    const bool alpha = heif_image_handle_has_alpha_channel(handle_) != 0;
    const int channels = alpha ? 4 : 3;
    CASSLE_RETURN_IF_ERROR(Check(heif_decode_image(
        handle_, &image_, heif_colorspace_RGB,
        alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, nullptr)));
    int stride = 0;
    const uint8_t* plane = heif_image_get_plane_readonly(image_, heif_channel_interleaved, &stride);
    if (plane == nullptr ||
        heif_image_get_height(image_, heif_channel_interleaved) != header_.height ||
        heif_image_get_width(image_, heif_channel_interleaved) != header_.width) {
      return absl::DataLossError("the container and the picture differ in size");
    }
    image->Resize(header_.height, header_.width);
    uint8_t opaque = 255;
    for (int y = 0; y < header_.height; ++y) {
      const uint8_t* from = plane + size_t{1} * y * stride;
      uint8_t* rgb = image->At(y, 0);
      for (int x = 0; x < header_.width; ++x, from += channels, rgb += 3) {
        std::copy_n(from, 3, rgb);
        if (alpha) opaque &= from[3];
      }
    }
    if (opaque != 255) report->Add(kTransparent);
    if (heif_context_get_number_of_top_level_images(context_.get()) > 1) {
      report->Add(kSeveralFrames);
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status Check(const heif_error& error) {
    return error.code == heif_error_Ok ? absl::OkStatus() : absl::DataLossError(error.message);
  }

  const absl::string_view file_;
  const std::unique_ptr<heif_context, decltype(&heif_context_free)> context_;
  heif_image_handle* handle_ = nullptr;
  heif_image* image_ = nullptr;
  ImageHeader header_;
};

bool Matches(absl::string_view file) {
  if (file.size() < 16 || file.substr(4, 4) != "ftyp") return false;
  const absl::string_view major = file.substr(8, 4);
  for (absl::string_view known : {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}) {
    if (major == known) return true;
  }
  return false;
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  HeicReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.header();
}

absl::Status Decode(absl::string_view file, const ImageHeader&, RgbImage* image,
                    DecodeReport* report) {
  HeicReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.ReadPixels(image, report);
}

}  // namespace

const FileFormat kHeicFormat = {"HEIC", Matches, ReadHeader, Decode};

}  // namespace cassle
