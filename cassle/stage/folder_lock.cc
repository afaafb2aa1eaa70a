#include "cassle/stage/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cassle {
namespace {

// Asking takes microseconds; half a second tells it from a run.
constexpr int kTries = 10;
constexpr absl::Duration kBetweenTries = absl::Milliseconds(50);

int OpenFolder(const std::string& folder) {
  return open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// Whether the name still leads to the folder that was opened.
bool IsStillNamed(int descriptor, const std::string& folder) {
  struct stat opened, named;
  return fstat(descriptor, &opened) == 0 && stat(folder.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status FolderLock::Take(const std::string& folder, const std::string& output) {
  const int descriptor = OpenFolder(folder);
  if (descriptor < 0) {
    // Made a moment ago, it is gone already: renamed by whoever held it.
    if (errno == ENOENT) return absl::OkStatus();
    return absl::PermissionDeniedError(
        absl::StrCat("cannot write in ", folder, ": ", std::strerror(errno)));
  }
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) absl::SleepFor(kBetweenTries);
    const bool failed = flock(descriptor, LOCK_EX | LOCK_NB) != 0;
    if (failed && (errno == EWOULDBLOCK || errno == EINTR)) continue;
    if (IsStillNamed(descriptor, folder)) {
      descriptor_ = descriptor;
    } else {
      close(descriptor);
    }
    return absl::OkStatus();
  }
  close(descriptor);
  return absl::AlreadyExistsError(absl::StrCat(
      output, " is being written by another process: wait for it, or name another output"));
}

bool IsBeingWritten(const std::string& folder) {
  const int descriptor = OpenFolder(folder);
  if (descriptor < 0) return false;
  const bool taken = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(descriptor);
  return taken;
}

}  // namespace cassle
