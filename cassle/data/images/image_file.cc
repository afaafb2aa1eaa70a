#include "cassle/data/images/image_file.h"

#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/exif.h"
#include "cassle/data/images/formats/file_format.h"

namespace cassle {
namespace {

constexpr const FileFormat* kFormats[] = {&kAvifFormat,   &kBmpFormat,  &kGifFormat,
                                          &kHeicFormat,   &kPnmFormat,  &kJpeg2000Format,
                                          &kJpegXlFormat, &kTiffFormat, &kWebpFormat};

const FileFormat* FindFormat(absl::string_view file_bytes) {
  for (const FileFormat* format : kFormats) {
    if (format->matches(file_bytes)) return format;
  }
  return nullptr;
}

// What lies about under the names of images.
absl::string_view Guess(absl::string_view file_bytes) {
  constexpr std::pair<absl::string_view, absl::string_view> kKnown[] = {
      {"<", "a web page or another text in tags"},
      {"version https://git-lfs", "a pointer of Git LFS: fetch the files themselves"},
      {"8BPS", "a Photoshop file"},
      {"%PDF", "a PDF"},
      {"PK\x03\x04", "a zip archive"},
      {"\x1f\x8b", "a gzip archive"},
      {"RIFF", "a RIFF file (a film or a sound)"},
  };
  for (const auto& [start, what] : kKnown) {
    if (absl::StartsWith(file_bytes, start)) return what;
  }
  return {};
}

absl::Status NotAnImage(absl::string_view file_bytes) {
  if (file_bytes.empty()) return absl::DataLossError("the image file is empty");
  const absl::string_view guess = Guess(file_bytes);
  return absl::DataLossError(
      absl::StrCat("neither JPEG, PNG, GIF, BMP, WebP, TIFF, PNM, AVIF, HEIC, JPEG XL nor JPEG "
                   "2000 by its first "
                   "bytes",
                   guess.empty() ? "" : ", but ", guess));
}

absl::Status InFormat(const FileFormat& format, const absl::Status& status) {
  return Annotate(status, format.name);
}

absl::StatusOr<ImageHeader> ReadForeignHeader(const FileFormat& format,
                                              absl::string_view file_bytes) {
  absl::StatusOr<ImageHeader> header = format.read_header(file_bytes);
  if (!header.ok()) return InFormat(format, header.status());
  return header;
}

void TurnUpright(int orientation, RgbImage* image) {
  if (orientation != 1) *image = ApplyExifOrientation(*image, orientation);
}

}  // namespace

absl::string_view FormatOfImageStart(absl::string_view first_bytes) {
  const v1::ImageFormat record_format = SniffImageFormat(first_bytes);
  if (record_format != v1::IMAGE_FORMAT_UNSPECIFIED) {
    return record_format == v1::JPEG ? "JPEG" : "PNG";
  }
  const FileFormat* format = FindFormat(first_bytes);
  if (format == nullptr) return {};
  // "P6 " may begin any text: a size or a comment follows.
  if (format == &kPnmFormat &&
      (first_bytes.size() < 4 || (first_bytes[3] != '#' && !absl::ascii_isdigit(first_bytes[3])))) {
    return {};
  }
  return format->name;
}

absl::StatusOr<ImageHeader> ReadImageFileHeader(absl::string_view file_bytes) {
  if (SniffImageFormat(file_bytes) != v1::IMAGE_FORMAT_UNSPECIFIED) {
    CASSLE_ASSIGN_OR_RETURN(ImageHeader header, ReadImageHeader(file_bytes));
    if (ExifSwapsSides(header.orientation_left)) std::swap(header.height, header.width);
    return header;
  }
  const FileFormat* format = FindFormat(file_bytes);
  if (format == nullptr) return NotAnImage(file_bytes);
  CASSLE_ASSIGN_OR_RETURN(ImageHeader header, ReadForeignHeader(*format, file_bytes));
  if (ExifSwapsSides(header.orientation)) std::swap(header.height, header.width);
  return header;
}

absl::StatusOr<ImageFileContent> DecodeImageFile(absl::string_view file_bytes,
                                                 const DecodeLimits& limits, RgbImage* image) {
  ImageFileContent content;
  DecodeReport report;
  const v1::ImageFormat record_format = SniffImageFormat(file_bytes);
  if (record_format != v1::IMAGE_FORMAT_UNSPECIFIED) {
    CASSLE_RETURN_IF_ERROR(DecodeImage(file_bytes, image, limits, &report));
    content.format = record_format == v1::JPEG ? "JPEG" : "PNG";
    if (report.orientation_left == 1) content.record_format = record_format;
    TurnUpright(report.orientation_left, image);
  } else {
    const FileFormat* format = FindFormat(file_bytes);
    if (format == nullptr) return NotAnImage(file_bytes);
    CASSLE_ASSIGN_OR_RETURN(const ImageHeader header, ReadForeignHeader(*format, file_bytes));
    CASSLE_RETURN_IF_ERROR(InFormat(*format, CheckPixelLimit(header, limits)));
    CASSLE_RETURN_IF_ERROR(InFormat(*format, format->decode(file_bytes, header, image, &report)));
    content.format = format->name;
    TurnUpright(header.orientation, image);
  }
  content.remarks = std::move(report.remarks);
  return content;
}

}  // namespace cassle
