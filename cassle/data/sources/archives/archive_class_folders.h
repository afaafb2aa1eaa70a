// Classes by the paths inside archives, as folder_scan.cc finds them on disk.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_CLASS_FOLDERS_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_CLASS_FOLDERS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/data/sources/archives/archive_plan.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// Looks for classes in the paths where no member beside the images has their labels; then
// label_from is a word of class_by_path.h. Says so, unless it was asked for. The place of images
// that all lie in one folder changes where that is their class.
// \error kFailedPrecondition, with the flags that decide, where it is not clear whether folders are
// classes, or which.
absl::Status ChooseFolders(const SourceArguments& arguments, std::vector<Archive>* archives,
                           std::string* label_from);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_CLASS_FOLDERS_H_
