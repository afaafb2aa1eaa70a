// Progress for people, on stderr: a bar with rate and time left on a terminal, a line every few
// seconds elsewhere.
#ifndef CASSLE_STAGE_PROGRESS_H_
#define CASSLE_STAGE_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace cassle {

// Not thread-safe: one thread reports. Cheap enough to call for every item.
class Progress {
 public:
  // what: "encoding", say; total <= 0: unknown; unit: "images". already_done: items of an earlier,
  // resumed run, which do not count for the rate.
  Progress(std::string what, int64_t total, std::string unit, int64_t already_done = 0);
  // Ends the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // note: shown behind the rate, e.g. "loss 4.31".
  void Set(int64_t done, const std::string& note = "");

 private:
  void Print(int64_t done, const std::string& note, bool last);

  std::string Bar(int64_t done, const std::string& line);

  const std::string what_;
  const int64_t total_;
  const std::string unit_;
  const int64_t first_;
  const bool terminal_;
  const absl::Time start_;
  absl::Time last_print_;
  int64_t done_;
  std::string note_;
  // Letters of the longest line so far, without a bar.
  int longest_ = 0;
};

// "984/s", "0.77/s"; of what takes longer "2.40/min".
std::string RateText(double per_second);

}  // namespace cassle

#endif  // CASSLE_STAGE_PROGRESS_H_
