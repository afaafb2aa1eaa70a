#include "cassle/base/thread_pool.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace cassle {

int AvailableProcessors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

void RunInBackground() {
  // Only speed depends on it; where it is not allowed the thread stays as it is.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 19);
}

void ParallelFor(int threads, int64_t n, absl::FunctionRef<void(int64_t)> f) {
  std::atomic<int64_t> next{0};
  const auto work = [&next, n, f] {
    for (int64_t i = next++; i < n; i = next++) f(i);
  };
  std::vector<std::thread> helpers;
  const int64_t wanted = std::min<int64_t>(threads, n) - 1;
  for (int64_t i = 0; i < wanted; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace cassle
