// Which rows of the training embeddings choose the regulariser.
#ifndef CASSLE_PROBES_SPLITS_VALIDATION_SPLIT_H_
#define CASSLE_PROBES_SPLITS_VALIDATION_SPLIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace cassle {

// Rows in ascending order; every row is in exactly one of the two.
struct ValidationSplit {
  std::vector<int64_t> train;
  std::vector<int64_t> val;
};

// floor(rows * fraction) rows, at least one, drawn without replacement: a pure function of rows,
// fraction and seed.
// \error kInvalidArgument unless 0 < fraction < 1; kFailedPrecondition for fewer than two rows.
absl::StatusOr<ValidationSplit> SplitByFraction(int64_t rows, double fraction, uint64_t seed);

// The last val_rows of PyTorch's random permutation: torch.utils.data.random_split(data,
// [rows - val_rows, val_rows], generator seeded with `seed`).
// \error kFailedPrecondition unless 0 < val_rows < rows.
absl::StatusOr<ValidationSplit> SplitAsTorch(int64_t rows, int64_t val_rows, uint32_t seed);

// list: one image id per line; empty lines and what follows # are skipped. origin: its file name.
// \error kDataLoss "ORIGIN:LINE: ..." for what is no number, an id named twice or one that is not
// in ids; kFailedPrecondition if nothing or everything is listed.
absl::StatusOr<ValidationSplit> SplitByList(absl::Span<const int64_t> ids, absl::string_view list,
                                            const std::string& origin);

}  // namespace cassle

#endif  // CASSLE_PROBES_SPLITS_VALIDATION_SPLIT_H_
