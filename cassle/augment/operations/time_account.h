// Where the time of making views goes. Workers stamp the steps of their work with a WorkClock; an
// account sums them up and says in words what the bottleneck is.
//
//   WorkClock& clock = canvas.clock;            // one per worker
//   clock.StartItem();                          // for every image
//   Read();     clock.Lap(Work::kRead);         // what came since StartItem() was reading
//   Decode();   clock.Lap(Work::kDecode);
//   ApplyView(...);                             // laps crop, colour, blur and other by itself
//   totals.Add(&clock);                         // now and then, from any thread
//
// A lap costs about 20 ns and a view has five, which is more than a percent of a small view; so
// only one item of eight is timed and stands for the others. Times are those on the wall: a worker
// that the system puts aside goes on counting.
#ifndef CASSLE_AUGMENT_OPERATIONS_TIME_ACCOUNT_H_
#define CASSLE_AUGMENT_OPERATIONS_TIME_ACCOUNT_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "cassle/base/tick_clock.h"

namespace cassle {

enum class Work { kRead, kDecode, kCrop, kColor, kBlur, kOther, kEncode, kWrite };
inline constexpr int kNumWorks = 8;

// "read", "decode", "crop", "colour", "blur", "other", "encode", "write".
absl::string_view WorkName(Work work);

// Not thread-safe: one per worker.
class WorkClock {
 public:
  // Begins an item that is timed for itself.
  void Start() {
    timed_ = true;
    ++items_;
    ++timed_items_;
    last_ = Ticks();
  }
  // Begins one of many items that are alike.
  void StartItem() {
    timed_ = phase_++ % kPeriod == 0;
    ++items_;
    if (!timed_) return;
    ++timed_items_;
    last_ = Ticks();
  }
  // What was done since the item began or since the last lap was `work`.
  void Lap(Work work) {
    if (!timed_) return;
    const uint64_t now = Ticks();
    ticks_[static_cast<int>(work)] += now - last_;
    last_ = now;
  }

 private:
  friend class WorkTotals;
  static constexpr uint32_t kPeriod = 8;

  bool timed_ = false;
  uint32_t phase_ = 0;
  // Since the last WorkTotals::Add.
  int64_t items_ = 0;
  int64_t timed_items_ = 0;
  uint64_t last_ = 0;
  std::array<uint64_t, kNumWorks> ticks_ = {};
};

// Seconds of several workers together.
struct TimeAccount {
  std::array<double, kNumWorks> work = {};
  // Workers waited because the queue was full: they are ahead.
  double workers_waited = 0;
  // Whoever takes the batches waited because the queue was empty: the workers are behind.
  double consumer_waited = 0;
  double wall = 0;

  double worked() const;
};

// What came after `earlier`.
TimeAccount operator-(const TimeAccount& now, const TimeAccount& earlier);

// "decode 61%, crop 20%, colour 12%, blur 5%, read 2%": shares of the work, the largest first,
// those below half a percent left out. Empty if nothing was done.
std::string DescribeWork(const TimeAccount& account);

// One line for people: whether the consumer ("training", say) waits for views, what the workers do,
// and what helps.
std::string DescribeBottleneck(const TimeAccount& account, absl::string_view consumer);

// Thread-safe.
class WorkTotals {
 public:
  // Takes what the clock has counted, which then begins again from nothing. (If none of its items
  // was timed, they wait for one that is.)
  void Add(WorkClock* clock);
  // `work` and `wall` since this object was made.
  TimeAccount Account() const;

 private:
  const TickLength length_;
  std::array<std::atomic<uint64_t>, kNumWorks> ticks_ = {};
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_TIME_ACCOUNT_H_
