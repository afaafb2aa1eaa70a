#include "cassle/data/images/image_names.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"

namespace cassle {
namespace {

// In the order of the alphabet within a format. Vector graphics and camera raws are not pixels.
constexpr absl::string_view kExtensions[] = {
    "jfif", "jif",   "jpe", "jpeg", "jpg",         // JPEG
    "apng", "png",                                 // PNG
    "gif",                                         // GIF
    "bmp",  "dib",                                 // BMP
    "webp",                                        // WebP
    "tif",  "tiff",                                // TIFF
    "pbm",  "pgm",   "pnm", "ppm",                 // portable any map
    "avif", "avifs",                               // AVIF
    "heic", "heif",  "hif",                        // HEIC
    "jxl",                                         // JPEG XL
    "j2c",  "j2k",   "jp2", "jpc",  "jpf", "jpx",  // JPEG 2000
};

}  // namespace

bool IsImageExtension(absl::string_view extension) {
  return std::any_of(std::begin(kExtensions), std::end(kExtensions), [&](absl::string_view known) {
    return absl::EqualsIgnoreCase(known, extension);
  });
}

bool IsImageName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  const absl::string_view name = slash == path.npos ? path : path.substr(slash + 1);
  const size_t dot = name.rfind('.');
  return dot != name.npos && dot > 0 && IsImageExtension(name.substr(dot + 1));
}

}  // namespace cassle
