// Two ways to use threads without changing results: independent indices, and a pipeline whose
// consumer sees its items in order.
#ifndef CASSLE_BASE_THREAD_POOL_H_
#define CASSLE_BASE_THREAD_POOL_H_

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cassle {

// Processors this process may use (cpuset and affinity respected); at least 1.
int AvailableProcessors();

// Calls f(i) for i in 0 .. n-1, each once, on up to `threads` threads (the caller is one of them),
// and returns when all are done. f must be safe to call concurrently; which thread gets which index
// is not defined. What f throws (memory that was refused) is thrown here, once all threads are
// done; indices that had not begun are left out then.
void ParallelFor(int threads, int64_t n, absl::FunctionRef<void(int64_t)> f);

// Objects that are costly to make, lent to one thread at a time: as many as threads ask at once.
//
//   Lender<Workspace> workspaces;
//   ParallelFor(threads, n, [&](int64_t i) { Work(i, workspaces.Borrow().get()); });
template <class T>
class Lender {
 public:
  // Comes back when the pointer goes.
  std::unique_ptr<T, std::function<void(T*)>> Borrow() {
    std::unique_ptr<T> item;
    {
      absl::MutexLock lock(&mutex_);
      if (!idle_.empty()) {
        item = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (item == nullptr) item = std::make_unique<T>();
    return {item.release(), [this](T* returned) {
              absl::MutexLock lock(&mutex_);
              idle_.emplace_back(returned);
            }};
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_ ABSL_GUARDED_BY(mutex_);
};

// Lets the calling thread run only when a processor would idle (Linux: nice is per thread). For
// threads that work ahead of a consumer with its own compute threads: LibTorch's OpenMP threads
// wait for each other by spinning, and one busy neighbour of equal priority takes a training step
// from 600 to below 100 images/s on two cores.
void RunInBackground();

enum class Priority { kNormal, kBackground };

// Workers compute f(index) for index = first .. last-1 ahead of the consumer, at most `look_ahead`
// items beyond the one it waits for; Next() hands them out in order. Memory is bounded by
// look_ahead items.
//
//   OrderedPipeline<Decoded> pipeline(threads, 0, n, 64, [&](int64_t i) { return Decode(i); });
//   while (auto item = pipeline.Next()) Write(*item);
//
// Destruction stops the workers after the items they are at. Next() is for one consumer thread; it
// throws what f threw in the place of the item (memory that was refused). Where the system refuses
// threads there are fewer; std::bad_alloc if it refuses the first.
template <class T>
class OrderedPipeline {
 public:
  OrderedPipeline(int threads, int64_t first, int64_t last, int64_t look_ahead,
                  std::function<T(int64_t)> f, Priority priority = Priority::kNormal)
      : f_(std::move(f)),
        last_(last),
        look_ahead_(look_ahead < 1 ? 1 : look_ahead),
        next_in_(first),
        next_out_(first) {
    const int wanted = threads < 1 ? 1 : threads;
    workers_.reserve(wanted);
    try {
      while (static_cast<int>(workers_.size()) < wanted) {
        workers_.emplace_back([this, priority] {
          if (priority == Priority::kBackground) RunInBackground();
          Work();
        });
      }
    } catch (const std::exception&) {
      if (workers_.empty()) throw std::bad_alloc();
    }
  }

  ~OrderedPipeline() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    for (std::thread& worker : workers_) worker.join();
  }

  OrderedPipeline(const OrderedPipeline&) = delete;
  OrderedPipeline& operator=(const OrderedPipeline&) = delete;

  // The next item in order; empty after the last.
  std::optional<T> Next() {
    absl::MutexLock lock(&mutex_);
    if (next_out_ >= last_) return std::nullopt;
    mutex_.Await(absl::Condition(this, &OrderedPipeline::HasNext));
    auto item = done_.find(next_out_);
    Done done = std::move(item->second);
    done_.erase(item);
    ++next_out_;
    if (done.thrown != nullptr) std::rethrow_exception(done.thrown);
    return std::move(done.value);
  }

  // How long workers have waited for room so far, seconds of all together.
  double workers_waited_seconds() const {
    absl::MutexLock lock(&mutex_);
    return absl::ToDoubleSeconds(workers_waited_);
  }

 private:
  bool HasNext() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !done_.empty() && done_.begin()->first == next_out_;
  }
  bool MayWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || next_in_ >= last_ || next_in_ < next_out_ + look_ahead_;
  }

  void Work() {
    while (true) {
      int64_t index;
      {
        absl::MutexLock lock(&mutex_);
        if (!MayWork()) {
          const absl::Time before = absl::Now();
          mutex_.Await(absl::Condition(this, &OrderedPipeline::MayWork));
          workers_waited_ += absl::Now() - before;
        }
        if (stopping_ || next_in_ >= last_) return;
        index = next_in_++;
      }
      Done done;
      try {
        done.value = f_(index);
      } catch (...) {
        done.thrown = std::current_exception();
      }
      absl::MutexLock lock(&mutex_);
      done_.emplace(index, std::move(done));
    }
  }

  struct Done {
    std::optional<T> value;
    std::exception_ptr thrown;
  };

  const std::function<T(int64_t)> f_;
  const int64_t last_;
  const int64_t look_ahead_;
  mutable absl::Mutex mutex_;
  absl::Duration workers_waited_ ABSL_GUARDED_BY(mutex_);
  int64_t next_in_ ABSL_GUARDED_BY(mutex_);
  int64_t next_out_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<int64_t, Done> done_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> workers_;
};

}  // namespace cassle

#endif  // CASSLE_BASE_THREAD_POOL_H_
