#include "cassle/runtime/ranks/host_name.h"

#include <netdb.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace cassle {

absl::Status WaitForHost(const std::string& host, absl::Duration timeout,
                         const std::function<void(const std::string&)>& say,
                         const std::function<bool()>& interrupted) {
  const absl::Time last = absl::Now() + timeout;
  for (bool first = true;; first = false) {
    addrinfo* found = nullptr;
    const int code = getaddrinfo(host.c_str(), nullptr, nullptr, &found);
    if (code == 0) {
      freeaddrinfo(found);
      return absl::OkStatus();
    }
    const std::string text =
        absl::StrCat("the host of rank 0, '", host, "', does not resolve (", gai_strerror(code),
                     "): is --launch.host or MASTER_ADDR right?");
    if (absl::Now() >= last) return absl::UnavailableError(text);
    if (first) say(absl::StrCat(text, " Waiting for it, ", absl::FormatDuration(timeout)));
    if (interrupted()) return absl::CancelledError("interrupted before the first step");
    absl::SleepFor(absl::Milliseconds(200));
  }
}

}  // namespace cassle
