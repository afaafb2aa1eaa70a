#include "cassle/probes/splits/validation_split.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/permutation.h"
#include "cassle/probes/splits/torch_random.h"

namespace cassle {
namespace {

constexpr size_t kShownBytes = 40;

ValidationSplit FromMask(const std::vector<bool>& is_val) {
  ValidationSplit split;
  for (int64_t row = 0; row < static_cast<int64_t>(is_val.size()); ++row) {
    (is_val[row] ? split.val : split.train).push_back(row);
  }
  return split;
}

}  // namespace

absl::StatusOr<ValidationSplit> SplitByFraction(int64_t rows, double fraction, uint64_t seed) {
  if (!(fraction > 0 && fraction < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a validation part of ", fraction, " of all rows: expected above 0, below 1"));
  }
  if (rows < 2) {
    return absl::FailedPreconditionError(
        absl::StrCat("--train has ", rows, " row: too few to set a validation part aside"));
  }
  const int64_t val_rows =
      std::clamp<int64_t>(std::floor(rows * fraction + 1e-9), int64_t{1}, rows - 1);
  const KeyedPermutation permutation(rows, seed);
  std::vector<bool> is_val(rows);
  for (int64_t i = 0; i < val_rows; ++i) is_val[permutation(i)] = true;
  return FromMask(is_val);
}

absl::StatusOr<ValidationSplit> SplitAsTorch(int64_t rows, int64_t val_rows, uint32_t seed) {
  if (val_rows < 1 || val_rows >= rows) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--train has ", rows, " rows: too few to set ", val_rows, " aside for validation"));
  }
  const std::vector<int64_t> permutation = TorchRandperm(rows, seed);
  std::vector<bool> is_val(rows);
  for (int64_t i = rows - val_rows; i < rows; ++i) is_val[permutation[i]] = true;
  return FromMask(is_val);
}

absl::StatusOr<ValidationSplit> SplitByList(absl::Span<const int64_t> ids, absl::string_view list,
                                            const std::string& origin) {
  absl::flat_hash_map<int64_t, int64_t> row_of;
  for (int64_t row = 0; row < static_cast<int64_t>(ids.size()); ++row) row_of[ids[row]] = row;
  std::vector<bool> is_val(ids.size());
  int64_t line_number = 0, val_rows = 0;
  for (absl::string_view line : absl::StrSplit(list, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const auto fail = [&](absl::string_view reason) {
      // Of a file that is no list a line may be anything.
      return absl::DataLossError(absl::StrCat(origin, ":", line_number, ": '",
                                              line.substr(0, kShownBytes),
                                              line.size() > kShownBytes ? "...' " : "' ", reason));
    };
    int64_t id;
    if (!absl::SimpleAtoi(line, &id)) return fail("is not an image id (a whole number)");
    const auto found = row_of.find(id);
    if (found == row_of.end()) return fail("is not the id of an image of --train");
    if (is_val[found->second]) return fail("is listed twice");
    is_val[found->second] = true;
    ++val_rows;
  }
  if (val_rows == 0 || val_rows == static_cast<int64_t>(ids.size())) {
    return absl::FailedPreconditionError(
        absl::StrCat(origin, " lists ", val_rows, " of the ", ids.size(),
                     " images of --train: both parts need at least one"));
  }
  return FromMask(is_val);
}

}  // namespace cassle
