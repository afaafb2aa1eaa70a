// FileFormat: a kind of image file that people have and records do not hold. One file each in this
// folder, one line each in the table of cassle/data/images/image_file.cc, which is what to use.
#ifndef CASSLE_DATA_IMAGES_FORMATS_FILE_FORMAT_H_
#define CASSLE_DATA_IMAGES_FORMATS_FILE_FORMAT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/images/decode_report.h"
#include "cassle/data/images/image.h"

namespace cassle {

struct FileFormat {
  // As ImageFormatOfName (cassle/data/images/image_names.h) calls it, e.g. "GIF".
  const char* name;
  // Are the first bytes those of such a file?
  bool (*matches)(absl::string_view file_bytes);
  // Height and width as the pixels are stored, and the orientation that is not applied to them; the
  // header's `format` stays unspecified. Takes no memory that grows with what the header says.
  absl::StatusOr<ImageHeader> (*read_header)(absl::string_view file_bytes);
  // The pixels as they are stored (the first frame's), with its remarks. The header is good and
  // within the limits. The memory of `image` is used again; after an error it is of no use.
  // \error kDataLoss without the name of the format.
  absl::Status (*decode)(absl::string_view file_bytes, const ImageHeader& header, RgbImage* image,
                         DecodeReport* report);
};

// RGBA pixels to those of `image`, which has its size; true if one of them is not opaque.
inline bool DropAlpha(absl::Span<const uint8_t> rgba, RgbImage* image) {
  uint8_t opaque = 255;
  const uint8_t* from = rgba.data();
  for (size_t i = 0; i < image->pixels.size(); i += 3, from += 4) {
    for (size_t c = 0; c < 3; ++c) image->pixels[i + c] = from[c];
    opaque &= from[3];
  }
  return opaque != 255;
}

extern const FileFormat kAvifFormat;
extern const FileFormat kBmpFormat;
extern const FileFormat kGifFormat;
extern const FileFormat kHeicFormat;
extern const FileFormat kJpeg2000Format;
extern const FileFormat kJpegXlFormat;
extern const FileFormat kPnmFormat;
extern const FileFormat kTiffFormat;
extern const FileFormat kWebpFormat;

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_FORMATS_FILE_FORMAT_H_
