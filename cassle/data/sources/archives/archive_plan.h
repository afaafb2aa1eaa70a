// What a source of archives does with what the first reading found: the split, the key, the label
// and the targets of every image.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_PLAN_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_PLAN_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/archives/archive_folders.h"
#include "cassle/data/sources/archives/archive_listing.h"
#include "cassle/data/sources/source.h"
#include "cassle/data/sources/tables/class_column.h"

namespace cassle {

// One image, as the second reading needs it. Small: there may be millions.
struct PlannedImage {
  std::string key;
  // -1: the sample has none.
  int64_t member = 0;
  // Index into the splits of the source.
  int32_t split = 0;
  // -1: none.
  int64_t label = -1;
  // Of targets: which one, by its name's place, and its class.
  std::vector<std::pair<int32_t, int64_t>> targets;
  // Why it cannot be used, if so.
  std::string problem;
};

struct Archive {
  std::string path;
  // As errors call it.
  std::string name;
  // From its name or a flag; empty: neither says it.
  std::string split;
  // As the first reading found them, and where they lie; empty once they are planned.
  std::vector<ListedImage> listed;
  std::vector<ArchivePlace> places;
  std::vector<PlannedImage> images;
};

// Of all archives.
struct ArchivePlan {
  std::vector<std::string> splits;
  // Images should have labels: somewhere it says them.
  bool labelled = false;
  // Empty if labels are numbers without names.
  std::vector<std::string> classes;
  // By name; settled.
  std::map<std::string, ClassColumn> targets;
};

// Fills in the images of the archives, of which `listed` and `places` are used up. Says in
// arguments.tally where labels come from and what is not used.
//   given  names of the classes; empty: those that are found
// \error as ChooseLabels and ClassColumn::Settle; kFailedPrecondition, with the flag that decides,
// where it is not clear whether folders are classes.
absl::StatusOr<ArchivePlan> PlanArchives(const SourceArguments& arguments,
                                         std::vector<std::string> given,
                                         std::vector<Archive>* archives);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_PLAN_H_
