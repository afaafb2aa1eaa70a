// What lies below a folder. Links are followed, every folder is read once, so that the time is that
// of the files whatever the links do.
#ifndef CASSLE_BASE_FILE_TREE_H_
#define CASSLE_BASE_FILE_TREE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cassle {

// Is the path a link to a folder that it lies in?
bool IsLinkLoop(const std::string& path);

// All paths are relative to the root and sorted by bytes.
struct FileTree {
  // What is there, but is neither a file nor a folder to be read.
  enum class Kind {
    // A link to a folder above it, or to itself: following it would never end.
    kLinkLoop,
    // A link to a folder that is read at another place of the tree.
    kSecondWay,
    kBrokenLink,
    // A pipe, a socket or a device.
    kSpecial,
  };
  struct Other {
    std::string path;
    Kind kind;
  };
  // Regular files and links to such.
  std::vector<std::string> files;
  std::vector<std::string> folders;
  std::vector<Other> others;
};

struct ListTreeOptions {
  // Asked before everything that is read; true ends the listing with kCancelled. May be empty.
  std::function<bool()> interrupted = nullptr;
  // Whether a path (relative, of a folder or of something else) is left out with all below it. May
  // be empty.
  std::function<bool(const std::string& path, bool folder)> skip = nullptr;
};

// Folders come before links to folders, so a link to a folder of the tree is the second way to it.
// \error kNotFound naming a folder that cannot be read; kCancelled.
absl::StatusOr<FileTree> ListTree(const std::string& root, const ListTreeOptions& options = {});

}  // namespace cassle

#endif  // CASSLE_BASE_FILE_TREE_H_
