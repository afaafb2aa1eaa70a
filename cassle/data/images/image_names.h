// Which file names are images. The one list for all sources: folders, archives, lists. It says what
// is worth opening; what a file is, its bytes decide (cassle/data/images/codec.h).
#ifndef CASSLE_DATA_IMAGES_IMAGE_NAMES_H_
#define CASSLE_DATA_IMAGES_IMAGE_NAMES_H_

#include "absl/strings/string_view.h"

namespace cassle {

// The format that files with such a name have: "JPEG", "PNG", "GIF", "BMP", "WebP", "TIFF", "PNM",
// "AVIF", "HEIC", "JPEG XL" or "JPEG 2000"; empty if it is not the name of an image.
absl::string_view ImageFormatOfName(absl::string_view path);

// Is it the extension of an image? Without its dot, in any case: "jpg", "JPEG", "tif".
bool IsImageExtension(absl::string_view extension);

// Does the name end in such an extension? "a/b.JPG" does; "a/b", "a.jpg/b" and ".jpg" do not.
bool IsImageName(absl::string_view path);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_IMAGE_NAMES_H_
