// A clock so cheap (about 20 ns) that single steps of a pixel pipeline can be timed: the
// processor's counter where there is one that runs evenly, else the system's steady clock.
#ifndef CASSLE_BASE_TICK_CLOCK_H_
#define CASSLE_BASE_TICK_CLOCK_H_

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace cassle {

// Now, in ticks since some moment.
inline uint64_t Ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// How long ticks are, by comparison with the steady clock since the object was made: the longer
// ago, the more exact. Immutable and thread-safe.
class TickLength {
 public:
  double Seconds(uint64_t ticks) const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    const uint64_t counted = Ticks() - start_ticks_;
    return counted == 0
               ? 0
               : static_cast<double>(ticks) * elapsed.count() / static_cast<double>(counted);
  }
  double SecondsSinceMade() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const uint64_t start_ticks_ = Ticks();
};

}  // namespace cassle

#endif  // CASSLE_BASE_TICK_CLOCK_H_
