#include "cassle/data/images/image_names.h"

#include "absl/strings/match.h"

namespace cassle {
namespace {

struct Extension {
  absl::string_view name;
  absl::string_view format;
};

// Vector graphics and the raw files of cameras are not pixels.
constexpr Extension kExtensions[] = {
    {"jpg", "JPEG"},      {"jpeg", "JPEG"},     {"jpe", "JPEG"},      {"jfif", "JPEG"},
    {"jif", "JPEG"},      {"png", "PNG"},       {"apng", "PNG"},      {"gif", "GIF"},
    {"bmp", "BMP"},       {"dib", "BMP"},       {"webp", "WebP"},     {"tif", "TIFF"},
    {"tiff", "TIFF"},     {"pbm", "PNM"},       {"pgm", "PNM"},       {"ppm", "PNM"},
    {"pnm", "PNM"},       {"avif", "AVIF"},     {"avifs", "AVIF"},    {"heic", "HEIC"},
    {"heif", "HEIC"},     {"hif", "HEIC"},      {"jxl", "JPEG XL"},   {"jp2", "JPEG 2000"},
    {"j2k", "JPEG 2000"}, {"j2c", "JPEG 2000"}, {"jpc", "JPEG 2000"}, {"jpf", "JPEG 2000"},
    {"jpx", "JPEG 2000"},
};

absl::string_view FormatOfExtension(absl::string_view extension) {
  for (const Extension& known : kExtensions) {
    if (absl::EqualsIgnoreCase(known.name, extension)) return known.format;
  }
  return {};
}

}  // namespace

absl::string_view ImageFormatOfName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  const absl::string_view name = slash == path.npos ? path : path.substr(slash + 1);
  const size_t dot = name.rfind('.');
  if (dot == name.npos || dot == 0) return {};
  return FormatOfExtension(name.substr(dot + 1));
}

bool IsImageExtension(absl::string_view extension) { return !FormatOfExtension(extension).empty(); }

bool IsImageName(absl::string_view path) { return !ImageFormatOfName(path).empty(); }

}  // namespace cassle
