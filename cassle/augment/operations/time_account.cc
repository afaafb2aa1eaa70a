#include "cassle/augment/operations/time_account.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace cassle {
namespace {

// A consumer that waits less has no reason to do anything about it.
constexpr double kNoticeable = 0.05;
constexpr double kShown = 0.005;
constexpr double kBusy = 0.5;

// Works by their share, the largest first.
std::vector<Work> Ranked(const TimeAccount& account) {
  std::vector<Work> works;
  for (int i = 0; i < kNumWorks; ++i) works.push_back(static_cast<Work>(i));
  std::stable_sort(works.begin(), works.end(), [&account](Work a, Work b) {
    return account.work[static_cast<int>(a)] > account.work[static_cast<int>(b)];
  });
  return works;
}

std::string Remedy(Work largest) {
  switch (largest) {
    case Work::kRead:
      return "put the data set on a faster disk";
    case Work::kDecode:
      return "use more --threads or a larger --cache_mib, or record the pixels once "
             "(augment-and-record --store=raw)";
    default:
      return "use more --threads, or record the pixels once (augment-and-record --store=raw)";
  }
}

}  // namespace

absl::string_view WorkName(Work work) {
  constexpr const char* kNames[kNumWorks] = {"read", "decode", "crop",   "colour",
                                             "blur", "other",  "encode", "write"};
  return kNames[static_cast<int>(work)];
}

double TimeAccount::worked() const { return std::accumulate(work.begin(), work.end(), 0.0); }

TimeAccount operator-(const TimeAccount& now, const TimeAccount& earlier) {
  TimeAccount since = now;
  // The length of a tick is measured anew each time: no work may come out as less than none.
  for (int i = 0; i < kNumWorks; ++i) {
    since.work[i] = std::max(0.0, since.work[i] - earlier.work[i]);
  }
  since.workers_waited = std::max(0.0, since.workers_waited - earlier.workers_waited);
  since.consumer_waited -= earlier.consumer_waited;
  since.wall -= earlier.wall;
  return since;
}

std::string DescribeWork(const TimeAccount& account) {
  const double total = account.worked();
  if (!(total > 0)) return "";
  std::vector<std::string> parts;
  for (Work work : Ranked(account)) {
    const double share = account.work[static_cast<int>(work)] / total;
    if (share < kShown) break;
    parts.push_back(absl::StrFormat("%s %.0f%%", WorkName(work), 100 * share));
  }
  return absl::StrJoin(parts, ", ");
}

std::string DescribeBottleneck(const TimeAccount& account, absl::string_view consumer) {
  if (!(account.wall > 0)) return absl::StrCat(consumer, " has not begun");
  const double waited = std::min(1.0, account.consumer_waited / account.wall);
  const double worked = account.worked();
  const double busy =
      worked + account.workers_waited > 0 ? worked / (worked + account.workers_waited) : 0;
  std::string line = absl::StrFormat(
      "%s waited for views %.1f%% of %.1f s; their threads worked %.0f%% of the time", consumer,
      100 * waited, account.wall, 100 * busy);
  // Views of a cache are no work.
  if (worked > 0) absl::StrAppend(&line, " (", DescribeWork(account), ")");
  if (waited < kNoticeable) return absl::StrCat(line, ": views are no bottleneck");
  // More threads do not help idle ones: the first views of a run are waited for in any case.
  if (busy < kBusy) return absl::StrCat(line, ": the first views had to be waited for");
  const Work largest = Ranked(account)[0];
  return absl::StrCat(line, ": views are the bottleneck, most of all ", WorkName(largest), "; ",
                      Remedy(largest));
}

void WorkTotals::Add(WorkClock* clock) {
  if (clock->timed_items_ == 0) return;
  const double each_stands_for =
      static_cast<double>(clock->items_) / static_cast<double>(clock->timed_items_);
  for (int i = 0; i < kNumWorks; ++i) {
    const double ticks = static_cast<double>(clock->ticks_[i]) * each_stands_for;
    ticks_[i].fetch_add(static_cast<uint64_t>(ticks), std::memory_order_relaxed);
  }
  clock->ticks_ = {};
  clock->items_ = 0;
  clock->timed_items_ = 0;
}

TimeAccount WorkTotals::Account() const {
  TimeAccount account;
  for (int i = 0; i < kNumWorks; ++i) {
    account.work[i] = length_.Seconds(ticks_[i].load(std::memory_order_relaxed));
  }
  account.wall = length_.SecondsSinceMade();
  return account;
}

}  // namespace cassle
