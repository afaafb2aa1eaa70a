// Image files as people have them, of any kind, to RGB pixels: what shard-encoder reads. What a
// file is, its first bytes decide, not its name.
//   JPEG, PNG                        cassle/data/images/codec.h
//   BMP, GIF, PNM, TIFF, WebP,       one file each in cassle/data/images/formats
//   AVIF, HEIC, JPEG XL, JPEG 2000
// Pixels are those of Pillow's Image.open(...).convert("RGB"), of the first frame or page, turned
// upright by the orientation of EXIF, or where that has none of XMP. Deliberate differences: 16-bit
// gray is scaled (Pillow clips it to white), and numbers without a known white (signed,
// floating-point) are refused.
#ifndef CASSLE_DATA_IMAGES_IMAGE_FILE_H_
#define CASSLE_DATA_IMAGES_IMAGE_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/images/image.h"

namespace cassle {

// What a file turned out to be.
struct ImageFileContent {
  // As ImageFormatOfName calls it: "JPEG", "GIF", ...
  absl::string_view format;
  // JPEG or PNG: the bytes can be those of a record, which decode to the same pixels. Else
  // unspecified.
  v1::ImageFormat record_format = v1::IMAGE_FORMAT_UNSPECIFIED;
  // Odd things that were read over, and choices: phrases of decode_report.h.
  std::vector<std::string> remarks;
};

// The format of a file by its first bytes, kImageStartBytes of them or all that there are; empty if
// it is no image of a kind above.
inline constexpr size_t kImageStartBytes = 64;
absl::string_view FormatOfImageStart(absl::string_view first_bytes);

// Decodes a whole file. The memory of `image` is used again; after an error it is of no use.
// \error kDataLoss, saying why, if the bytes are no image of a kind above, are damaged beyond what
// Pillow decodes, or say that there are more than limits.max_pixels pixels (noticed before memory
// is taken for them). The caller adds the name of the file.
absl::StatusOr<ImageFileContent> DecodeImageFile(absl::string_view file_bytes,
                                                 const DecodeLimits& limits, RgbImage* image);

// Reads only the header: height and width are upright.
// \error as DecodeImageFile, except for damage further on.
absl::StatusOr<ImageHeader> ReadImageFileHeader(absl::string_view file_bytes);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_IMAGE_FILE_H_
