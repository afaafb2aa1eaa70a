// EXIF orientation: how a camera's pixels must be turned to stand upright (EXIF 2.3, tag 0x0112).
#ifndef CASSLE_DATA_IMAGES_EXIF_H_
#define CASSLE_DATA_IMAGES_EXIF_H_

#include "absl/strings/string_view.h"
#include "cassle/data/images/image.h"

namespace cassle {

// The orientation (1 to 8) in the payload of a JPEG APP1 segment ("Exif\0\0" and a TIFF header); 1
// if there is none or it is malformed, which is no reason to refuse a picture.
int ExifOrientation(absl::string_view app1);

// Does the orientation exchange height and width?
inline bool ExifSwapsSides(int orientation) { return orientation >= 5 && orientation <= 8; }

// The upright image. 1: as it is; 2: mirrored; 3: half turn; 4: upside down; 5: transposed;
// 6: turn clockwise; 7: transposed along the other diagonal; 8: turn counter-clockwise.
RgbImage ApplyExifOrientation(const RgbImage& stored, int orientation);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_EXIF_H_
