// Which folders of an image folder are its splits, and which are classes.
#ifndef CASSLE_DATA_SOURCES_FOLDERS_FOLDER_SPLITS_H_
#define CASSLE_DATA_SOURCES_FOLDERS_FOLDER_SPLITS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// The folder of one split.
struct SplitFolder {
  std::string split;
  std::string path;
  // Below the input, as notes name it: "train"; empty if the input is the split's folder itself.
  std::string name;
  // Nothing says which split: the whole input, as train.
  bool whole = false;
  // The split is in the class folders: cat/train/.
  bool inside_classes = false;
};

// What lies where splits may be: in a folder (below), or in an archive (archive_folders.cc).
class SplitTree {
 public:
  virtual ~SplitTree() = default;
  // Names of the folders in a folder ("": at the top), sorted, without leftovers and what is left
  // out.
  virtual absl::StatusOr<std::vector<std::string>> Folders(const std::string& below) const = 0;
  virtual absl::StatusOr<bool> HasImages(const std::string& folder) const = 0;
  // An image at the top; empty if there is none. Counts in the tally what else lies there.
  virtual absl::StatusOr<std::string> ImageAtTop() const = 0;
  // The whole ("") or a part of it, as messages name it.
  virtual std::string Path(const std::string& name) const = 0;
  // A part as --leave_out names it.
  virtual std::string LeaveOutName(const std::string& name) const = 0;
  // May a flag such as --train name a part, as it may a folder on a disk?
  virtual bool HasPaths() const = 0;
};

// The folders of a tree that are called train, val, test or unlabeled, as people write it
// (CanonicalSplit), or as one of `asked` (--splits); if none is, the whole as train. Folders without images beside them are counted
// in the tally. There may be two of one split.
// \error kFailedPrecondition naming a folder with images that lies beside splits, or folders whose
// names say half that they are splits (seg_train, seg_test), whatever lies beside them: the message
// has the flags that decide.
absl::StatusOr<std::vector<SplitFolder>> FindSplitFolders(const SplitTree& tree,
                                                          const std::vector<std::string>& asked,
                                                          Tally* tally);

// The same for a folder on the disk.
absl::StatusOr<std::vector<SplitFolder>> FindSplitFolders(const std::string& root,
                                                          const SourceArguments& arguments);

// \error kFailedPrecondition naming two folders of one split.
absl::Status CheckOnePerSplit(const std::vector<SplitFolder>& folders);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_FOLDERS_FOLDER_SPLITS_H_
