// XMP, the metadata in XML that editors write: of it the orientation.
#ifndef CASSLE_DATA_IMAGES_XMP_H_
#define CASSLE_DATA_IMAGES_XMP_H_

#include "absl/strings/string_view.h"

namespace cassle {

// What comes before the packet in an APP1 segment of a JPEG.
inline constexpr absl::string_view kXmpOfJpeg("http://ns.adobe.com/xap/1.0/\0", 29);

// The orientation that a packet gives as an attribute or an element tiff:Orientation, 1 to 8, in
// EXIF's numbers; 1 if it gives none or one out of range. As Pillow reads it, where no EXIF does.
int ReadXmpOrientation(absl::string_view packet);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_XMP_H_
