#include "cassle/probes/splits/authors_splits.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/text_proto.h"

namespace cassle {

std::vector<AuthorsSplit> AuthorsSplits() {
  return {
      {"cifar10", 50000, 5000, 43}, {"cifar100", 50000, 5000, 44}, {"food101", 75750, 7575, 42},
      {"pets", 3680, 740, 49},      {"stl10", 5000, 500, 50},      {"mit67", 5360, 670, 51},
      {"cars", 8144, 1144, 51},
  };
}

absl::StatusOr<AuthorsSplit> FindAuthorsSplit(const std::string& dataset, int64_t rows) {
  std::vector<std::string> names;
  for (const AuthorsSplit& split : AuthorsSplits()) {
    names.push_back(split.dataset);
    if (split.dataset != dataset) continue;
    if (split.rows == rows) return split;
    return absl::FailedPreconditionError(absl::StrCat(
        "--authors_split=", dataset, " is of ", split.rows, " images, and --train has ", rows,
        ": embed the whole training part of the data set, in its official order"));
  }
  const std::string nearest = NearestWord(dataset, names);
  return absl::InvalidArgumentError(absl::StrCat(
      "--authors_split=", dataset, " is not known",
      nearest.empty() ? "." : absl::StrCat("; did you mean ", nearest, "?"), " There are ",
      absl::StrJoin(names, ", "),
      "; the authors' other sets come in parts of their own (--val) or as lists (--val_list)"));
}

}  // namespace cassle
