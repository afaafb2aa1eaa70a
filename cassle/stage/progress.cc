#include "cassle/stage/progress.h"

#include <glog/logging.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cassle/stage/moving_line.h"

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
      terminal_(CanMoveLines()),
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
  const double part = total_ > 0 ? std::min(1.0, static_cast<double>(done) / total_) : 0;
  std::string line;
  if (total_ > 0) {
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
  if (!terminal_) {
    LOG(INFO) << what_ << " " << line;
    return;
  }
  // A bar where there is room for one beside the numbers.
  std::string bar;
  if (total_ > 0 &&
      what_.size() + line.size() + kBarCells + 5 < size_t(TerminalColumns(STDERR_FILENO))) {
    const int cells = static_cast<int>(part * kBarCells);
    bar = absl::StrCat("[", std::string(cells, '#'), std::string(kBarCells - cells, '.'), "] ");
  }
  DrawMovingLine(absl::StrCat(what_, " ", bar, line));
  if (last) EndMovingLine();
}

}  // namespace cassle
