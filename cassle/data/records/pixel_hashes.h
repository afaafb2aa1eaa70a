// SPLIT.pixels of a data set folder: the hash of every image's pixels, and what equal ones tell.
//
// 16 bytes per image (cassle/data/images/pixel_hash.h) in the order of the split, nothing else. Of
// the pixels as they are stored; of a JPEG that shard-encoder made, of those before its loss. Data
// sets of earlier versions have no such file, and nothing is said of their images then.
#ifndef CASSLE_DATA_RECORDS_PIXEL_HASHES_H_
#define CASSLE_DATA_RECORDS_PIXEL_HASHES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/data/images/pixel_hash.h"
#include "cassle/data/records/dataset.pb.h"

namespace cassle {

// Name of the file inside the folder: "train.pixels".
std::string PixelHashFile(const std::string& split);

// One per image; none if the data set has no hashes.
// \error kDataLoss if the file has another length.
absl::StatusOr<std::vector<PixelHash>> ReadPixelHashes(const std::string& folder,
                                                       const v1::SplitInfo& split);

// How many images of one set have some property because of an image of another, and the first pair.
struct EqualImages {
  int64_t count = 0;
  int64_t first = -1;
  int64_t other = -1;
};

// Images of `some` that are also in `others`.
EqualImages FindShared(absl::Span<const PixelHash> some, absl::Span<const PixelHash> others);

// Images that are equal to an earlier one of the same set.
EqualImages FindRepeated(absl::Span<const PixelHash> images);

// Images of `some` that are equal to one of `others` that has another label. Images with a negative
// label say nothing. `some` and `others` may be the same.
EqualImages FindConflicts(absl::Span<const PixelHash> some, absl::Span<const int> some_labels,
                          absl::Span<const PixelHash> others, absl::Span<const int> other_labels);

}  // namespace cassle

#endif  // CASSLE_DATA_RECORDS_PIXEL_HASHES_H_
