// Masks that lie beside the images they belong to, a_mask.png beside a.png, and so would be images
// of the class.
#ifndef CASSLE_DATA_SOURCES_FOLDERS_MASK_NAMES_H_
#define CASSLE_DATA_SOURCES_FOLDERS_MASK_NAMES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// Says in the tally how many of the images are named as masks of others of them, and the pattern of
// --leave_out that leaves them out.
//   images  paths; only used during the call
// O(N); without a name of a mask it keeps nothing.
void SayMasks(const std::vector<absl::string_view>& images, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_FOLDERS_MASK_NAMES_H_
