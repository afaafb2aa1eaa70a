#include "cassle/data/dataset_notes.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"

namespace cassle {
namespace {

// Images that --limit left out, and a val split that was to be drawn and is empty.
void SayLeftOut(const v1::ShardEncoderOptions& options, const v1::DatasetInfo& info,
                int64_t over_limit, Tally* tally) {
  if (over_limit > 0) {
    tally->Decide(absl::StrCat(over_limit, " images left out: --limit=", options.limit(),
                               " takes the first of each split"));
  }
  const bool any_val = std::any_of(
      info.splits().begin(), info.splits().end(),
      [](const v1::SplitInfo& split) { return split.name() == "val" && split.num_images() > 0; });
  if (options.val_fraction() > 0 && !any_val) {
    tally->Decide(absl::StrCat("val is empty: --val_fraction=", options.val_fraction(),
                               " drew none of the images of train"));
  }
}

// Classes of another split that no image of train has: nothing can be learnt of them.
void SayClassesTrainLacks(const v1::DatasetInfo& info, Tally* tally) {
  const auto train =
      std::find_if(info.splits().begin(), info.splits().end(),
                   [](const v1::SplitInfo& split) { return split.name() == "train"; });
  if (train == info.splits().end() || train->num_unlabeled() == train->num_images()) return;
  for (const v1::SplitInfo& split : info.splits()) {
    for (int c = 0; c < info.classes_size(); ++c) {
      if (split.class_counts(c) == 0 || train->class_counts(c) > 0) continue;
      tally->Count("classes that train lacks", JoinPath(split.name(), info.classes(c)));
    }
  }
}

void SayEmptyClasses(const v1::DatasetInfo& info, Tally* tally) {
  int64_t empty = 0, labelled = 0;
  std::string first;
  for (int c = 0; c < info.classes_size(); ++c) {
    int64_t count = 0;
    for (const v1::SplitInfo& split : info.splits()) count += split.class_counts(c);
    labelled += count;
    if (count == 0 && empty++ == 0) first = info.classes(c);
  }
  if (empty == 0 || labelled == 0) return;
  tally->Decide(absl::StrCat(empty, " of ", info.classes_size(), " classes have no image (", first,
                             empty > 1 ? ", ...)" : ")"));
}

}  // namespace

void SayNotes(const v1::ShardEncoderOptions& options, const v1::DatasetInfo& info,
              int64_t over_limit, Tally* tally) {
  SayLeftOut(options, info, over_limit, tally);
  SayEmptyClasses(info, tally);
  SayClassesTrainLacks(info, tally);
}

}  // namespace cassle
