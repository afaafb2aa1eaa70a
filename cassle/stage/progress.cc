#include "cassle/stage/progress.h"

#include <glog/logging.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cassle/base/letters.h"
#include "cassle/stage/moving_line.h"

namespace cassle {
namespace {

constexpr int kMostCells = 24, kFewestCells = 6;

std::string Duration(double seconds) {
  const int64_t s = static_cast<int64_t>(seconds + 0.5);
  if (s >= 3600) return absl::StrFormat("%dh%02dm", s / 3600, s / 60 % 60);
  if (s >= 60) return absl::StrFormat("%dm%02ds", s / 60, s % 60);
  return absl::StrFormat("%ds", s);
}

}  // namespace

std::string RateText(double per_second) {
  if (per_second > 0 && per_second < 0.1) return absl::StrFormat("%.2f/min", 60 * per_second);
  return absl::StrFormat("%.*f/s", per_second < 10 ? 2 : 0, per_second);
}

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
  std::string line;
  if (total_ > 0) {
    // Whole per cents that are done: 100 is the end.
    absl::StrAppendFormat(&line, "%d/%d %s (%d%%)", done, total_, unit_,
                          100 * std::min(done, total_) / total_);
  } else {
    absl::StrAppend(&line, done, " ", unit_);
  }
  absl::StrAppend(&line, ", ", RateText(rate));
  if (last) {
    absl::StrAppend(&line, ", took ", Duration(seconds));
  } else if (total_ > 0 && rate > 0) {
    absl::StrAppend(&line, ", ", Duration(std::max<int64_t>(0, total_ - done) / rate), " left");
  }
  if (!note.empty()) absl::StrAppend(&line, ", ", note);
  if (!terminal_) {
    LOG(INFO) << what_ << " " << line;
    return;
  }
  DrawMovingLine(absl::StrCat(what_, " ", Bar(done, line), line));
  if (last) EndMovingLine();
}

// As long as there is room for beside the numbers. Lines are of different lengths: with the room of
// each it would come and go.
std::string Progress::Bar(int64_t done, const std::string& line) {
  longest_ = std::max(longest_, CountLetters(what_) + CountLetters(line));
  constexpr int kAround = 5;  // Blanks, brackets, and the last column, which stays empty.
  const int cells = std::min(kMostCells, TerminalColumns(STDERR_FILENO) - longest_ - kAround);
  if (total_ <= 0 || cells < kFewestCells) return "";
  const int full = static_cast<int>(cells * std::min(done, total_) / total_);
  return absl::StrCat("[", std::string(full, '#'), std::string(cells - full, '.'), "] ");
}

}  // namespace cassle
