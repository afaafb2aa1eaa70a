// Splits and classes by the folders inside archives, as folder_source.cc reads them on disk.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_FOLDERS_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_FOLDERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/data/sources/archives/archive_listing.h"

namespace cassle {

// Of one image.
struct ArchivePlace {
  // Empty if no folder says it.
  std::string split;
  // Where in its name the part below the folder of the split begins, or below the folder that all
  // images lie in.
  uint32_t below = 0;
  // The folder of the split lies inside that of the class: cat/train/.
  bool inside_class = false;
};

// The path of an image below the folder of its split.
std::string PathInSplit(absl::string_view name, const ArchivePlace& place);

// Where the images of one archive lie. Folders that all images have in common are no classes; which
// of the others are splits is decided, and said in the tally, as on the disk
// (folders/folder_splits.h, folders/folder_levels.h).
//   split  of the archive, if its name or a flag says it: then folders say none
//   asked  names of --splits
// \error as FindSplitFolders and FolderLevels::HoldSplits.
absl::StatusOr<std::vector<ArchivePlace>> PlaceImages(const std::vector<ListedImage>& images,
                                                      const std::string& archive,
                                                      const std::string& split,
                                                      const std::vector<std::string>& asked,
                                                      Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_FOLDERS_H_
