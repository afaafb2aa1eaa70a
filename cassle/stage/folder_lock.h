// Who fills a folder: the lock that a stage holds on OUTPUT.partial as long as it runs.
#ifndef CASSLE_STAGE_FOLDER_LOCK_H_
#define CASSLE_STAGE_FOLDER_LOCK_H_

#include <string>

#include "absl/status/status.h"

namespace cassle {

// Holds flock() on a folder, so that two processes never fill the same output. Freed when the
// process dies.
class FolderLock {
 public:
  FolderLock() = default;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

  //   output  What the folder becomes, for the message.
  // Waits a moment for one who only asks (IsBeingWritten). Whoever held it may have renamed or
  // removed the folder meanwhile: then it is not held, and there is news to look for. A file system
  // without locks (some of clusters) has nobody to hold it against: it counts as held.
  // \error kAlreadyExists if another process holds it; kPermissionDenied if the folder cannot be
  // opened.
  absl::Status Take(const std::string& folder, const std::string& output);
  bool held() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

// Whether a process holds the lock of the folder; false if there is no such folder.
bool IsBeingWritten(const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_STAGE_FOLDER_LOCK_H_
