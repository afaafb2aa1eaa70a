#include "cassle/stage/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

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

}  // namespace

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status FolderLock::Take(const std::string& folder, const std::string& output) {
  descriptor_ = OpenFolder(folder);
  for (int i = 0; descriptor_ >= 0 && i < kTries; ++i) {
    if (i > 0) absl::SleepFor(kBetweenTries);
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  }
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
