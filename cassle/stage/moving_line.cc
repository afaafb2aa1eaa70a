#include "cassle/stage/moving_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "cassle/base/letters.h"

namespace cassle {
namespace {

// Back to the start and clear to the end of the line.
constexpr char kClear[] = "\r\x1b[K";

struct MovingLine {
  absl::Mutex mutex;
  std::string shown ABSL_GUARDED_BY(mutex);
};

// Lives as long as the process: lines come until its end.
MovingLine& TheLine() {
  static auto* const line = new MovingLine;
  return *line;
}

}  // namespace

bool CanMoveLines() {
  const char* const kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (kind == nullptr || absl::string_view(kind) != "dumb");
}

int TerminalColumns(int descriptor) {
  winsize size = {};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void DrawMovingLine(const std::string& line) {
  MovingLine& moving = TheLine();
  const absl::MutexLock lock(&moving.mutex);
  // Half a letter would be shown as a mark of its own.
  moving.shown = line.substr(0, LetterAt(line, TerminalColumns(STDERR_FILENO) - 1));
  std::fprintf(stderr, "%s%s", kClear, moving.shown.c_str());
  std::fflush(stderr);
}

void EndMovingLine() {
  MovingLine& moving = TheLine();
  const absl::MutexLock lock(&moving.mutex);
  if (moving.shown.empty()) return;
  moving.shown.clear();
  std::fputs("\n", stderr);
}

void WriteStderrLine(const std::string& line) {
  MovingLine& moving = TheLine();
  const absl::MutexLock lock(&moving.mutex);
  if (moving.shown.empty()) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  std::fprintf(stderr, "%s%s\n%s", kClear, line.c_str(), moving.shown.c_str());
  std::fflush(stderr);
}

}  // namespace cassle
