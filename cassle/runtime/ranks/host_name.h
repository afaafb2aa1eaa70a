// Names of other machines.
#ifndef CASSLE_RUNTIME_RANKS_HOST_NAME_H_
#define CASSLE_RUNTIME_RANKS_HOST_NAME_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cassle {

// Waits until the name of the host of rank 0 leads to an address: that of a pod does once it has
// started.
//   say          Told once why it waits, if it does.
//   interrupted  Ends the waiting.
// \error kUnavailable, naming the host, after `timeout`; kCancelled.
absl::Status WaitForHost(const std::string& host, absl::Duration timeout,
                         const std::function<void(const std::string&)>& say,
                         const std::function<bool()>& interrupted);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_HOST_NAME_H_
