// Calls that may never return.
#ifndef CASSLE_RUNTIME_RANKS_ASIDE_H_
#define CASSLE_RUNTIME_RANKS_ASIDE_H_

#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace cassle {

// A call by a thread of its own, which is left to itself when nobody waits any longer: c10d waits
// for ranks that hang or have gone, and cannot be interrupted. What is called must not throw, and
// must keep alive what it uses.
template <class Result>
class Aside {
 public:
  template <class Call>
  explicit Aside(Call call) : shared_(std::make_shared<Shared>()) {
    std::thread([shared = shared_, call = std::move(call)] {
      shared->result.emplace(call());
      shared->returned.Notify();
    }).detach();
  }

  // The result, which can be had once; none if the call has not returned after `timeout`.
  std::optional<Result> Await(absl::Duration timeout) {
    if (!shared_->returned.WaitForNotificationWithTimeout(timeout)) return std::nullopt;
    return std::move(shared_->result);
  }

 private:
  struct Shared {
    absl::Notification returned;
    // Written before `returned`, read after it.
    std::optional<Result> result;
  };

  const std::shared_ptr<Shared> shared_;
};

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_ASIDE_H_
