// FolderScan: which images an image folder holds, of which split and class (folder_source.cc says
// which layouts there are).
#ifndef CASSLE_DATA_SOURCES_FOLDERS_FOLDER_SCAN_H_
#define CASSLE_DATA_SOURCES_FOLDERS_FOLDER_SCAN_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/sources/class_names.h"
#include "cassle/data/sources/folders/folder_levels.h"
#include "cassle/data/sources/folders/folder_splits.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// Small: there may be millions.
struct FolderImage {
  // Below the folder of its split.
  std::string name;
  // Index into FolderScan::folders().
  int32_t split = 0;
  // -1: none.
  int32_t label = -1;
};

// Add() for every split, then Finish().
class FolderScan {
 public:
  // arguments: live as long as this.
  explicit FolderScan(const SourceArguments& arguments) : arguments_(arguments) {}

  // \error kFailedPrecondition, with what decides, where it is not clear what is a class.
  absl::Status Add(const SplitFolder& folder);
  // Numbers the classes.
  // \error kFailedPrecondition for a class that is none of --classes, or that cannot be one.
  absl::Status Finish();

  // One for each split.
  std::vector<SplitFolder>& folders() { return folders_; }
  // In the order of the splits.
  std::vector<FolderImage>& images() { return images_; }
  const std::vector<std::string>& classes() const { return names_.names(); }

 private:
  absl::Status AddImage(const SplitFolder& folder, const std::string& name, absl::string_view path,
                        int split);
  absl::Status AddInsideClasses(const SplitFolder& folder, const std::vector<std::string>& images);
  absl::Status CheckLoose(const SplitFolder& folder);
  absl::StatusOr<std::string> FoldersAbove(const SplitFolder& folder,
                                           const std::vector<std::string>& images) const;
  absl::Status CheckSplits() const;
  void TakeOnlyClass();

  const SourceArguments& arguments_;
  std::vector<SplitFolder> folders_;
  std::vector<FolderImage> images_;
  ClassNames names_;
  // The splits that have each of names_.found().
  std::vector<std::set<int>> splits_of_;
  // Of the split that is being added: an image without a class, and whether others have one.
  std::string loose_;
  bool any_class_ = false;
  // Of the image before.
  std::string class_before_;
  int split_before_ = -1;
  int32_t label_ = -1;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_FOLDERS_FOLDER_SCAN_H_
