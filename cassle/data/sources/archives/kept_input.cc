#include "cassle/data/sources/archives/kept_input.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"

namespace cassle {
namespace {

// A signal that comes just before the wait is heard after it.
constexpr int kPollMilliseconds = 200;

}  // namespace

absl::StatusOr<std::unique_ptr<KeptInput>> KeptInput::FromStandardInput(
    const std::function<bool()>& interrupted, const std::function<void(int64_t)>& copied) {
  const char* set = std::getenv("TMPDIR");
  const std::string folder = set != nullptr && *set != '\0' ? set : "/var/tmp";
  std::string name = JoinPath(folder, "cassle-input-XXXXXX");
  const auto failed = [&] {
    return absl::ResourceExhaustedError(absl::StrCat("cannot keep standard input in ", folder, ": ",
                                                     std::strerror(errno),
                                                     "; set TMPDIR to a folder with room for it"));
  };
  const int fd = mkostemp(&name[0], O_CLOEXEC);
  if (fd < 0) return failed();
  unlink(name.c_str());
  std::unique_ptr<KeptInput> kept(new KeptInput(fd));
  std::vector<char> block(1 << 20);
  int64_t bytes = 0;
  for (;;) {
    if (interrupted && interrupted()) {
      return absl::CancelledError("interrupted while standard input was read; start again to redo");
    }
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&input, 1, kPollMilliseconds);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t count = read(STDIN_FILENO, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return absl::NotFoundError(
          absl::StrCat("cannot read standard input: ", std::strerror(errno)));
    }
    if (count == 0) return kept;
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = write(fd, block.data() + done, count - done);
      if (written < 0 && errno != EINTR) return failed();
      if (written > 0) done += written;
    }
    bytes += count;
    if (copied) copied(bytes);
  }
}

KeptInput::~KeptInput() { close(fd_); }

std::string KeptInput::path() const { return absl::StrCat("/proc/self/fd/", fd_); }

}  // namespace cassle
