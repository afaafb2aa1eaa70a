#include "cassle/base/thread_pool.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <list>

namespace cassle {
namespace {

// One call of ParallelFor.
class Call {
 public:
  Call(int64_t n, absl::FunctionRef<void(int64_t)> f) : n_(n), f_(f) {}

  void Work() {
    try {
      for (int64_t i = next_++; i < n_; i = next_++) f_(i);
    } catch (...) {
      next_ = n_;
      absl::MutexLock lock(&mutex_);
      if (thrown_ == nullptr) thrown_ = std::current_exception();
    }
  }

  // When nobody works any more.
  void Rethrow() {
    if (thrown_ != nullptr) std::rethrow_exception(thrown_);
  }

 private:
  friend class Helpers;

  const int64_t n_;
  const absl::FunctionRef<void(int64_t)> f_;
  std::atomic<int64_t> next_{0};
  absl::Mutex mutex_;
  std::exception_ptr thrown_;
  // Guarded by the mutex of Helpers: who may still join, who is at it.
  int places_ = 0;
  int working_ = 0;
};

// Threads that stay between calls: a linear probe makes thousands of calls of a millisecond, and
// starting a thread takes a tenth of that. They help whichever call has places left; a call never
// needs them, since its own thread works until no index is left. Hence calls may nest, and come
// from several threads.
class Helpers {
 public:
  // Never destroyed: threads of a process that exits may still be in here.
  static Helpers& Get() {
    static Helpers* const helpers = new Helpers;
    return *helpers;
  }

  // Lets up to `places` threads join `call`.
  void Offer(int places, Call* call) {
    absl::MutexLock lock(&mutex_);
    call->places_ = places;
    open_.push_back(call);
    try {
      for (; threads_ < places; ++threads_) std::thread([this] { Serve(); }).detach();
    } catch (const std::exception&) {
      // The system refuses more: those that there are help.
    }
  }

  // Returns when nobody works on `call` any more.
  void Withdraw(Call* call) {
    absl::MutexLock lock(&mutex_);
    open_.remove(call);
    mutex_.Await(absl::Condition(
        +[](Call* call) { return call->working_ == 0; }, call));
  }

 private:
  bool HasCall() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !open_.empty(); }

  void Serve() {
    mutex_.Lock();
    while (true) {
      mutex_.Await(absl::Condition(this, &Helpers::HasCall));
      Call* const call = open_.front();
      if (--call->places_ == 0) open_.pop_front();
      ++call->working_;
      mutex_.Unlock();
      call->Work();
      mutex_.Lock();
      --call->working_;
    }
  }

  absl::Mutex mutex_;
  std::list<Call*> open_ ABSL_GUARDED_BY(mutex_);
  int threads_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

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
  const int64_t helpers = std::min<int64_t>(threads, n) - 1;
  Call call(n, f);
  if (helpers <= 0) {
    call.Work();
  } else {
    Helpers& all = Helpers::Get();
    all.Offer(static_cast<int>(helpers), &call);
    call.Work();
    all.Withdraw(&call);
  }
  call.Rethrow();
}

}  // namespace cassle
