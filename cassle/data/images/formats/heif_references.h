// Which items of a HEIF file are made of which: libheif 1.15 follows these references without end
// when they lead back, stops the program where an item is made of what is no picture, and reads
// outside the layers of an overlay, even with Debian's patch for CVE-2024-41311. So this looks at
// them before it decodes.
#ifndef CASSLE_DATA_IMAGES_FORMATS_HEIF_REFERENCES_H_
#define CASSLE_DATA_IMAGES_FORMATS_HEIF_REFERENCES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cassle {

// Can the picture `primary_item` be decoded in time and stack that the file's size bounds? Decoding
// an item decodes those that its `dimg` reference names (the tiles of a grid, the one picture of an
// identity), and those whose `auxl` names it (its alpha).
// Boxes that are damaged or cut are left to libheif, which refuses them: this reads what it reads.
// O(n log n) time and O(n) memory for a file of n bytes.
// \error kDataLoss without the name of the format: an item leads back to itself, to others in more
// than 4 steps, to an overlay, to what is no picture, or to the same ones again and again.
absl::Status CheckHeifReferences(absl::string_view file_bytes, uint32_t primary_item);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_FORMATS_HEIF_REFERENCES_H_
