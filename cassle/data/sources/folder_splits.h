// Which folders of an image folder are its splits, and which are classes.
#ifndef CASSLE_DATA_SOURCES_FOLDER_SPLITS_H_
#define CASSLE_DATA_SOURCES_FOLDER_SPLITS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// The folder of one split.
struct SplitFolder {
  std::string split;
  std::string path;
  // Below the input, as notes name it: "train"; empty if the input is the split's folder itself.
  std::string name;
};

// The folders in `root` that are called train, val, test or unlabeled, as people write it
// (CanonicalSplit); if none is, `root` alone as train. Folders without images beside them are
// counted in the tally.
// \error kFailedPrecondition naming a folder with images that lies beside splits, or folders whose
// names say half that they are splits (seg_train, seg_test): the message has the flags that decide.
absl::StatusOr<std::vector<SplitFolder>> FindSplitFolders(const std::string& root,
                                                          const SourceArguments& arguments);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_FOLDER_SPLITS_H_
