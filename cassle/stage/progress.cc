#include "cassle/stage/progress.h"

#include <glog/logging.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace cassle {
namespace {

constexpr int kBarCells = 24;

std::string Duration(double seconds) {
  const int64_t s = static_cast<int64_t>(seconds + 0.5);
  if (s >= 3600) return absl::StrFormat("%dh%02dm", s / 3600, s / 60 % 60);
  if (s >= 60) return absl::StrFormat("%dm%02ds", s / 60, s % 60);
  return absl::StrFormat("%ds", s);
}

}  // namespace

Progress::Progress(std::string what, int64_t total, std::string unit, int64_t already_done)
    : what_(std::move(what)),
      total_(total),
      unit_(std::move(unit)),
      first_(already_done),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(absl::Now()),
      last_print_(start_),
      done_(already_done) {}

Progress::~Progress() {
  if (done_ > first_) Print(done_, note_, /*last=*/true);
}

void Progress::Set(int64_t done, const std::string& note) {
  done_ = done;
  note_ = note;
  const absl::Time now = absl::Now();
  if (now - last_print_ < (terminal_ ? absl::Milliseconds(100) : absl::Seconds(5))) return;
  last_print_ = now;
  Print(done, note, /*last=*/false);
}

void Progress::Print(int64_t done, const std::string& note, bool last) {
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start_);
  const double rate = seconds > 0 ? (done - first_) / seconds : 0;
  std::string line = absl::StrCat(what_, " ");
  if (total_ > 0) {
    const double part = std::min(1.0, static_cast<double>(done) / total_);
    if (terminal_) {
      const int cells = static_cast<int>(part * kBarCells);
      absl::StrAppend(&line, "[", std::string(cells, '#'), std::string(kBarCells - cells, '.'),
                      "] ");
    }
    absl::StrAppendFormat(&line, "%d/%d %s (%.0f%%)", done, total_, unit_, 100 * part);
  } else {
    absl::StrAppend(&line, done, " ", unit_);
  }
  absl::StrAppendFormat(&line, ", %.*f/s", rate < 10 ? 2 : 0, rate);
  if (last) {
    absl::StrAppend(&line, ", took ", Duration(seconds));
  } else if (total_ > 0 && rate > 0) {
    absl::StrAppend(&line, ", ", Duration((total_ - done) / rate), " left");
  }
  if (!note.empty()) absl::StrAppend(&line, ", ", note);
  if (terminal_) {
    // Back to the start and clear to the end of the line: a bar that moves is not for a log.
    std::fprintf(stderr, "\r%s\x1b[K%s", line.c_str(), last ? "\n" : "");
    std::fflush(stderr);
  } else {
    LOG(INFO) << line;
  }
}

}  // namespace cassle
