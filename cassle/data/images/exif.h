// EXIF orientation: how a camera's pixels must be turned to stand upright (EXIF 2.3, tag 0x0112).
#ifndef CASSLE_DATA_IMAGES_EXIF_H_
#define CASSLE_DATA_IMAGES_EXIF_H_

#include "absl/strings/string_view.h"
#include "cassle/data/images/image.h"

namespace cassle {

// The orientation that a block of EXIF gives.
struct ExifOrientation {
  // 1 to 8; 1 (upright) if there is none or it is malformed or out of range, which is no reason to
  // refuse a picture.
  int value = 1;
  // Written as the standard says, in 16 bits without a sign; some programs write 32, signed numbers
  // or fractions, which Pillow reads as well.
  bool is_short = true;
  // Whether the block has the tag, whatever it says.
  bool found = false;
};

// block  a TIFF header with its directories, in either byte order; "Exif\0\0" may come before it,
//        as in the APP1 segment of a JPEG.
ExifOrientation ReadExifOrientation(absl::string_view block);

// Does the orientation exchange height and width?
inline bool ExifSwapsSides(int orientation) { return orientation >= 5 && orientation <= 8; }

// The upright image. 1: as it is; 2: mirrored; 3: half turn; 4: upside down; 5: transposed;
// 6: turn clockwise; 7: transposed along the other diagonal; 8: turn counter-clockwise.
RgbImage ApplyExifOrientation(const RgbImage& stored, int orientation);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_EXIF_H_
