#include "cassle/data/sources/leave_out.h"

#include <fnmatch.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace cassle {

LeaveOut::LeaveOut(std::vector<std::string> patterns)
    : patterns_(std::move(patterns)), matched_(patterns_.size()) {
  for (std::string& pattern : patterns_) {
    while (pattern.size() > 1 && pattern.back() == '/') pattern.pop_back();
  }
}

bool LeaveOut::Matches(const std::string& path) {
  bool any = false;
  for (size_t i = 0; i < patterns_.size(); ++i) {
    if (fnmatch(patterns_[i].c_str(), path.c_str(), 0) != 0) continue;
    matched_[i] = any = true;
  }
  return any;
}

std::string LeaveOut::MatchedPart(const std::string& path) {
  if (patterns_.empty()) return "";
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    std::string folder = path.substr(0, slash);
    if (Matches(folder)) return folder;
  }
  return Matches(path) ? path : "";
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
