#include "cassle/data/sources/tables/draw_splits.h"

#include <cmath>
#include <cstdint>
#include <map>

#include "absl/strings/str_cat.h"
#include "cassle/base/permutation.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/tables/class_column.h"

namespace cassle {
namespace {

// The rows of the classes that are kept, in their order, and the others.
struct ChosenRows {
  std::vector<ImageRow*> kept, discarded;
};

absl::StatusOr<ChosenRows> ChooseRows(const SourceArguments& arguments,
                                      const std::vector<std::string>& classes,
                                      std::vector<ImageRow>* rows) {
  ChosenRows chosen;
  if (arguments.choice.IsAll()) {
    for (ImageRow& row : *rows) chosen.kept.push_back(&row);
    return chosen;
  }
  ClassColumn column;
  for (ImageRow& row : *rows) column.Add(row.cells["label"], row.origin);
  // The source that is made of the rows says the same again.
  Tally said_later;
  CASSLE_RETURN_IF_ERROR(column.Settle("label", classes, ClassColumn::Codes::kNumbers,
                                       arguments.class_order, &said_later));
  for (ImageRow& row : *rows) {
    CASSLE_ASSIGN_OR_RETURN(const int64_t label, column.Index(row.cells["label"], row.origin));
    const bool named = label >= 0 && label < static_cast<int64_t>(column.names().size());
    const std::string name = named ? column.names()[label] : absl::StrCat(label);
    const bool kept = label >= 0 && arguments.choice.Keeps(name);
    (kept ? chosen.kept : chosen.discarded).push_back(&row);
  }
  return chosen;
}

}  // namespace

absl::Status DrawSplits(const SourceArguments& arguments, const std::vector<std::string>& classes,
                        std::vector<ImageRow>* rows) {
  const v1::DrawnSplits& draw = arguments.lists.draw();
  const bool per_class = draw.train_per_class() > 0 || draw.val_per_class() > 0;
  if (draw.train() + draw.val() > 1 || (per_class && draw.train() + draw.val() > 0)) {
    return absl::InvalidArgumentError(
        "--lists: draw takes shares of at most 1 together, or numbers per class, not both");
  }
  CASSLE_ASSIGN_OR_RETURN(const ChosenRows chosen, ChooseRows(arguments, classes, rows));
  std::map<std::string, std::vector<ImageRow*>> groups;
  for (ImageRow* row : chosen.kept) groups[per_class ? row->cells["label"] : ""].push_back(row);
  uint64_t group_number = 0;
  for (auto& [name, group] : groups) {
    const int64_t n = group.size();
    const int64_t train = per_class ? draw.train_per_class() : std::llround(n * draw.train());
    const int64_t val = per_class ? draw.val_per_class() : std::llround(n * draw.val());
    if (train + val > n) {
      return absl::FailedPreconditionError(absl::StrCat("class '", name, "' has ", n,
                                                        " images, but ", train + val,
                                                        " are to be drawn for train and val"));
    }
    const KeyedPermutation order(n, draw.seed() * 0x9E3779B97F4A7C15u + group_number++);
    for (int64_t i = 0; i < n; ++i) {
      group[order(i)]->split = i < train ? "train" : i < train + val ? "val" : "test";
    }
  }
  for (ImageRow* row : chosen.discarded) {
    if (!chosen.kept.empty()) row->split = chosen.kept.front()->split;
  }
  return absl::OkStatus();
}

}  // namespace cassle
