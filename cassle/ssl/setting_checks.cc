#include "cassle/ssl/setting_checks.h"

#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

absl::Status OutOfRange(const char* method, const char* setting, double value, const char* rule) {
  return absl::InvalidArgumentError(
      absl::StrCat("method.", method, ".", setting, " is ", value, "; it must ", rule));
}

}  // namespace

absl::Status CheckAboveZero(const char* method, const char* setting, double value) {
  return value > 0 ? absl::OkStatus() : OutOfRange(method, setting, value, "be above 0");
}

absl::Status CheckNotNegative(const char* method, const char* setting, double value) {
  return value >= 0 ? absl::OkStatus() : OutOfRange(method, setting, value, "not be negative");
}

absl::Status CheckAtLeast(const char* method, const char* setting, double value, double least) {
  if (value >= least) return absl::OkStatus();
  return OutOfRange(method, setting, value, absl::StrCat("be at least ", least).c_str());
}

}  // namespace cassle
