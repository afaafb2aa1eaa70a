// JPEG and PNG files to RGB pixels and back: what records hold. Files of any kind, as people have
// them, are read by cassle/data/images/image_file.h.
//
// Decoded pixels equal Pillow's Image.open(...).convert("RGB") (libjpeg-turbo, accurate integer
// DCT, fancy upsampling), with two deliberate differences: the EXIF orientation of a JPEG is
// applied (if it has its proper type, a 16-bit number), and 16-bit gray PNGs are scaled to 8 bits
// (Pillow clips them to white).
//   JPEG  gray, YCbCr, RGB, CMYK and YCCK (inverted, as Adobe writes them), progressive
//   PNG   gray, palette, RGB, with or without alpha (which is dropped), 1 to 16 bits, interlaced
// Colour profiles and gamma are ignored, as Pillow does. Damage that Pillow decodes is decoded to
// the same pixels: corrupt data inside a JPEG (libjpeg's warnings), wrong checksums of PNG pixels,
// and whatever is missing or stands behind the last pixel.
#ifndef CASSLE_DATA_IMAGES_CODEC_H_
#define CASSLE_DATA_IMAGES_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/data/images/decode_report.h"
#include "cassle/data/images/image.h"
#include "cassle/data/images/image_format.pb.h"
#include "cassle/data/images/resample.h"

namespace cassle {

struct DecodeLimits {
  // Larger images are refused before any memory is taken for them. 178,956,970 pixels (half a
  // gigabyte of RGB) is where Pillow starts to warn of a decompression bomb. Range: 1 and up.
  int64_t max_pixels = 178956970;
};

// What a JPEG or PNG file says of itself.
struct ImageHeader {
  v1::ImageFormat format = v1::IMAGE_FORMAT_UNSPECIFIED;
  // Pixels, after the EXIF orientation.
  int height = 0;
  int width = 0;
  // 1 to 8 as in the EXIF standard; 1 is upright. Always 1 for PNG.
  int orientation = 1;
  // As DecodeReport's: height and width are without it.
  int orientation_left = 1;
};

// \error kDataLoss naming both numbers if the image is larger than the limit.
absl::Status CheckPixelLimit(const ImageHeader& header, const DecodeLimits& limits);

// JPEG or PNG by the first bytes; IMAGE_FORMAT_UNSPECIFIED for anything else.
v1::ImageFormat SniffImageFormat(absl::string_view file_bytes);

// Reads only the header.
// \error as DecodeImage, except for damage further on.
absl::StatusOr<ImageHeader> ReadImageHeader(absl::string_view file_bytes);

// Decodes a whole JPEG or PNG file. The memory of `image` is used again; after an error it is
// unchanged or empty.
//   report  if given, the bytes are a file that somebody brings: gets what was odd about it.
// \error kDataLoss if the bytes are no JPEG or PNG, are damaged beyond what Pillow decodes, end
// before the last pixel, or the image has more than limits.max_pixels pixels; with a report also
// for a wrong checksum before the pixels of a PNG, which only Pillow minds. The message gives the
// reason; the caller adds the name of the file.
absl::Status DecodeImage(absl::string_view file_bytes, RgbImage* image,
                         const DecodeLimits& limits = {}, DecodeReport* report = nullptr);

// Decodes ImageRecord.encoded. height and width are what the record says (after orientation).
// \error kDataLoss as above, or if the pixels do not have that size.
absl::Status DecodeImage(absl::string_view encoded, v1::ImageFormat format, int height, int width,
                         RgbImage* image, const DecodeLimits& limits = {});

// A part of an image that is wanted.
struct RegionRequest {
  // Upright pixels at full resolution.
  Box box;
  // 0: the bytes that decoding the whole image gives. 1, 2, 4 or 8 (JPEG only, ignored elsewhere):
  // at this fraction of the resolution, from the low frequencies alone, and with plain instead of
  // smooth chroma upsampling; what is decoded does not depend on the box.
  int fast_denominator = 0;
};

// Decoded pixels of a part of an image, at least those that were wanted.
struct ImageRegion {
  RgbImage pixels;
  // Size of the whole image at full resolution, upright.
  int image_height = 0;
  int image_width = 0;
  // `pixels` begin at this row and column of the image at 1 / denominator of its resolution.
  int denominator = 1;
  int top = 0;
  int left = 0;

  // The pixels are those of the whole image.
  void SetWhole() {
    denominator = 1;
    top = 0;
    left = 0;
  }
};

// Decodes ImageRecord.encoded as far as `request` needs it: JPEG skips rows and columns outside the
// box and stops behind its last row, so damage further on is not noticed; what a damaged one holds
// before it equals the whole image as well. PNG, raw pixels and the
// rarer JPEGs (turned by EXIF, CMYK, and progressive ones if the bytes are to be exact) are decoded
// whole.
// \error kDataLoss as DecodeImage; kInvalidArgument for a box that is empty or not inside the
// image, or another denominator.
absl::Status DecodeRegion(absl::string_view encoded, v1::ImageFormat format, int height, int width,
                          const RegionRequest& request, ImageRegion* region,
                          const DecodeLimits& limits = {});

// A PNG file: 8-bit RGB, zlib level 6, libpng's filter choice, no time or text. Equal images give
// equal bytes.
// \error kInvalidArgument for an empty image.
absl::StatusOr<std::string> EncodePng(const RgbImage& image);

// A JPEG file, baseline, 4:4:4 (no chroma subsampling, which would blur colour in small images).
//   quality  1 to 100, libjpeg's scale.
// \error kInvalidArgument for an empty image, a side above 65,500 or a quality out of range.
absl::StatusOr<std::string> EncodeJpeg(const RgbImage& image, int quality);

// "JPEG", "PNG" and RAW_RGB8 of one image: what ImageRecord.encoded holds for `format`.
//   quality  for JPEG only.
absl::StatusOr<std::string> EncodeImage(const RgbImage& image, v1::ImageFormat format, int quality);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_CODEC_H_
