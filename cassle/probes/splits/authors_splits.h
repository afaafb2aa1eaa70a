// The random train/validation splits of the authors' transfer_linear_eval.py (datasets.py:
// load_datasets), which torch.utils.data.random_split draws from a seeded generator.
#ifndef CASSLE_PROBES_SPLITS_AUTHORS_SPLITS_H_
#define CASSLE_PROBES_SPLITS_AUTHORS_SPLITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cassle {

struct AuthorsSplit {
  std::string dataset;
  // Images of the training part of the data set, in its official order, and how many are set aside.
  int64_t rows = 0;
  int64_t val_rows = 0;
  uint32_t seed = 0;
};

std::vector<AuthorsSplit> AuthorsSplits();

// \error kInvalidArgument for a name that is not there (naming the nearest); kFailedPrecondition if
// the data set has another number of images: it is another one, or in other parts.
absl::StatusOr<AuthorsSplit> FindAuthorsSplit(const std::string& dataset, int64_t rows);

}  // namespace cassle

#endif  // CASSLE_PROBES_SPLITS_AUTHORS_SPLITS_H_
