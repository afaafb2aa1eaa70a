// Small data sets for tests of any package.
#ifndef CASSLE_DATA_RECORDS_DATASET_TESTUTIL_H_
#define CASSLE_DATA_RECORDS_DATASET_TESTUTIL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace cassle {

// Writes the built-in data set `shapes` (splits train and, if num_test > 0, test) as a complete
// data set folder, as shard-encoder would. `folder` must not exist. About 0.2 ms an image of 32 px.
absl::Status WriteShapesDataset(const std::string& folder, int64_t num_train, int64_t num_test = 0,
                                int size_px = 32);

}  // namespace cassle

#endif  // CASSLE_DATA_RECORDS_DATASET_TESTUTIL_H_
