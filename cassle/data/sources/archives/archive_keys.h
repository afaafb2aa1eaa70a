// Keys of images in several archives of one split, each of which may number its own from 0.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_KEYS_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_KEYS_H_

#include <vector>

#include "absl/status/status.h"
#include "cassle/data/sources/archives/archive_plan.h"

namespace cassle {

// Where images of two archives have one key, all keys get the name of their archive behind the
// split: train/0.png becomes train/train-000.tar/0.png. Says so in the tally, with an example.
// \error kFailedPrecondition naming two archives of one split that have one name, too.
// O(N log N) time and 16 bytes an image, for several archives.
absl::Status MakeKeysUnique(std::vector<Archive>* archives, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_KEYS_H_
