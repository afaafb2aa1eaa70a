#include "cassle/data/images/codec.h"

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/jpeg_codec.h"
#include "cassle/data/images/png_codec.h"

namespace cassle {

v1::ImageFormat SniffImageFormat(absl::string_view file_bytes) {
  if (file_bytes.substr(0, 3) == "\xff\xd8\xff") return v1::JPEG;
  if (file_bytes.substr(0, 8) == absl::string_view("\x89PNG\r\n\x1a\n", 8)) return v1::PNG;
  return v1::IMAGE_FORMAT_UNSPECIFIED;
}

absl::Status CheckPixelLimit(const ImageHeader& header, const DecodeLimits& limits) {
  const int64_t pixels = static_cast<int64_t>(header.height) * header.width;
  if (pixels <= limits.max_pixels) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(header.width, "x", header.height, " are ", pixels,
                                          " pixels, more than the limit of ", limits.max_pixels));
}

namespace {

absl::Status NotAnImage(absl::string_view file_bytes) {
  if (file_bytes.empty()) return absl::DataLossError("the image file is empty");
  return absl::DataLossError("neither a JPEG nor a PNG file (by its first bytes)");
}

}  // namespace

absl::StatusOr<ImageHeader> ReadImageHeader(absl::string_view file_bytes) {
  switch (SniffImageFormat(file_bytes)) {
    case v1::JPEG:
      return ReadJpegHeader(file_bytes);
    case v1::PNG:
      return ReadPngHeader(file_bytes);
    default:
      return NotAnImage(file_bytes);
  }
}

absl::Status DecodeImage(absl::string_view file_bytes, RgbImage* image, const DecodeLimits& limits,
                         DecodeReport* report) {
  switch (SniffImageFormat(file_bytes)) {
    case v1::JPEG:
      return DecodeJpeg(file_bytes, limits, image, report);
    case v1::PNG:
      return DecodePng(file_bytes, limits, image, report);
    default:
      return NotAnImage(file_bytes);
  }
}

absl::Status DecodeImage(absl::string_view encoded, v1::ImageFormat format, int height, int width,
                         RgbImage* image, const DecodeLimits& limits) {
  if (format == v1::RAW_RGB8) {
    if (height < 1 || width < 1 ||
        encoded.size() != static_cast<uint64_t>(height) * static_cast<uint64_t>(width) * 3) {
      return absl::DataLossError(absl::StrCat("raw pixels: ", encoded.size(), " bytes are not ",
                                              height, " x ", width, " x 3"));
    }
    image->height = height;
    image->width = width;
    image->pixels.assign(encoded.begin(), encoded.end());
    return absl::OkStatus();
  }
  const v1::ImageFormat found = SniffImageFormat(encoded);
  if (format != v1::IMAGE_FORMAT_UNSPECIFIED && found != format) {
    return absl::DataLossError(absl::StrCat("the record says ", v1::ImageFormat_Name(format),
                                            ", but its bytes are not such a file"));
  }
  RgbImage decoded = TakeMemory(image);
  CASSLE_RETURN_IF_ERROR(DecodeImage(encoded, &decoded, limits));
  if (decoded.height != height || decoded.width != width) {
    return absl::DataLossError(absl::StrCat("the record says ", height, "x", width,
                                            " pixels, the image has ", decoded.height, "x",
                                            decoded.width));
  }
  *image = std::move(decoded);
  return absl::OkStatus();
}

absl::Status DecodeRegion(absl::string_view encoded, v1::ImageFormat format, int height, int width,
                          const RegionRequest& request, ImageRegion* region,
                          const DecodeLimits& limits) {
  const Box& box = request.box;
  if (box.top < 0 || box.left < 0 || box.height < 1 || box.width < 1 ||
      box.top > height - box.height || box.left > width - box.width) {
    return absl::InvalidArgumentError(absl::StrCat("region ", box.width, "x", box.height, " at ",
                                                   box.left, ",", box.top, " does not lie inside ",
                                                   width, "x", height, " pixels"));
  }
  const int denominator = request.fast_denominator;
  if (denominator != 0 && denominator != 1 && denominator != 2 && denominator != 4 &&
      denominator != 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("a JPEG cannot be decoded at 1/", denominator, ": use 1, 2, 4 or 8"));
  }
  region->image_height = height;
  region->image_width = width;
  const bool is_jpeg = format != v1::RAW_RGB8 && SniffImageFormat(encoded) == v1::JPEG &&
                       (format == v1::JPEG || format == v1::IMAGE_FORMAT_UNSPECIFIED);
  if (!is_jpeg) {
    region->SetWhole();
    return DecodeImage(encoded, format, height, width, &region->pixels, limits);
  }
  return DecodeJpegRegion(encoded, request, limits, region);
}

absl::StatusOr<std::string> EncodeImage(const RgbImage& image, v1::ImageFormat format,
                                        int quality) {
  switch (format) {
    case v1::JPEG:
      return EncodeJpeg(image, quality);
    case v1::PNG:
      return EncodePng(image);
    case v1::RAW_RGB8:
      return std::string(image.pixels.begin(), image.pixels.end());
    default:
      return absl::InvalidArgumentError("no image format given");
  }
}

}  // namespace cassle
