#include "cassle/data/sources/leave_out.h"

#include <fnmatch.h>

#include "absl/strings/str_cat.h"

namespace cassle {

bool LeaveOut::Matches(const std::string& path) {
  bool any = false;
  for (size_t i = 0; i < patterns_.size(); ++i) {
    if (fnmatch(patterns_[i].c_str(), path.c_str(), 0) != 0) continue;
    matched_[i] = any = true;
  }
  return any;
}

absl::Status LeaveOut::CheckUsed() const {
  for (size_t i = 0; i < patterns_.size(); ++i) {
    if (matched_[i]) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--leave_out=", patterns_[i],
        ": no file or folder of the input has this path (a star stands for anything)"));
  }
  return absl::OkStatus();
}

}  // namespace cassle
