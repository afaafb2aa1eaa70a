// LeaveOut: the files and folders that somebody asked not to read (--leave_out).
#ifndef CASSLE_DATA_SOURCES_LEAVE_OUT_H_
#define CASSLE_DATA_SOURCES_LEAVE_OUT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace cassle {

// Paths are as they stand on the disk or in the archive, not escaped. Not thread-safe.
class LeaveOut {
 public:
  LeaveOut() = default;
  // Patterns of fnmatch(3) for whole paths below the input; a star also matches slashes. Slashes at
  // the end of a folder's do not count.
  explicit LeaveOut(std::vector<std::string> patterns);

  bool empty() const { return patterns_.empty(); }

  // Remembers which patterns were of use.
  bool Matches(const std::string& path);

  // The part of a path up to the first folder that a pattern matches, or all of it: what is left
  // out with it. Empty if the path is to be read.
  std::string MatchedPart(const std::string& path);

  // \error kInvalidArgument naming a pattern that never matched.
  absl::Status CheckUsed() const;

 private:
  std::vector<std::string> patterns_;
  std::vector<bool> matched_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_LEAVE_OUT_H_
