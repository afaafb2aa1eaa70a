// Splits and classes by the folders inside archives, as folder_source.cc reads them on disk.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_FOLDERS_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_FOLDERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/archives/archive_listing.h"

namespace cassle {

// Of one image.
struct ArchivePlace {
  // Empty if no folder says it.
  std::string split;
  // The folder below that of the split; empty if the image lies in none.
  std::string class_name;
  // The name below the folder of the split, or below the folder that all images lie in.
  std::string below;
};

// Where the images of one archive lie. Folders that all images have in common are no classes.
//   split  of the archive, if its name or a flag says it: then folders say none
// \error kFailedPrecondition naming a folder that lies beside those of splits.
absl::StatusOr<std::vector<ArchivePlace>> PlaceImages(const std::vector<ListedImage>& images,
                                                      const std::string& archive,
                                                      const std::string& split);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_FOLDERS_H_
