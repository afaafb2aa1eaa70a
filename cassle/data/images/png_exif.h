// Orientation in PNG files: a chunk of EXIF, EXIF as text, as ImageMagick writes it, or XMP.
#ifndef CASSLE_DATA_IMAGES_PNG_EXIF_H_
#define CASSLE_DATA_IMAGES_PNG_EXIF_H_

#include "absl/strings/string_view.h"

namespace cassle {

// The content of the first chunk of that type; empty if there is none.
absl::string_view FindPngChunk(absl::string_view png, absl::string_view type);

// The orientation, 1 to 8; 1 if there is none or what holds it is malformed. As in Pillow, a chunk
// eXIf goes before a text "Raw profile type exif" (tEXt or zTXt), and EXIF before XMP (iTXt).
int ReadPngOrientation(absl::string_view png);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_PNG_EXIF_H_
