#include "cassle/base/thread_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(ParallelForTest, VisitsEveryIndexOnce) {
  std::vector<std::atomic<int>> visits(1000);
  ParallelFor(7, 1000, [&](int64_t i) { ++visits[i]; });
  for (const auto& count : visits) EXPECT_EQ(count, 1);
}

TEST(ParallelForTest, WorksForOneThreadAndForNothing) {
  int calls = 0;
  ParallelFor(1, 3, [&](int64_t) { ++calls; });
  EXPECT_EQ(calls, 3);
  ParallelFor(4, 0, [&](int64_t) { ++calls; });
  EXPECT_EQ(calls, 3);
}

TEST(ParallelForTest, NestsAndIsCalledFromSeveralThreads) {
  std::vector<std::atomic<int>> visits(8 * 20 * 30);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&visits, caller] {
      ParallelFor(3, 20, [&](int64_t i) {
        ParallelFor(4, 30, [&](int64_t j) { ++visits[(caller * 20 + i) * 30 + j]; });
      });
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const auto& count : visits) EXPECT_EQ(count, 1);
}

TEST(ParallelForTest, IndicesRunAtTheSameTime) {
  // More than one call: helpers are kept from one to the next.
  for (int call = 0; call < 3; ++call) {
    std::atomic<int> arrived{0}, alone{0};
    ParallelFor(2, 2, [&](int64_t) {
      ++arrived;
      const absl::Time deadline = absl::Now() + absl::Seconds(20);
      while (arrived < 2 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
      if (arrived < 2) ++alone;
    });
    ASSERT_EQ(alone, 0) << "call " << call << ": no helper joined";
  }
}

TEST(ParallelForTest, WhatAnIndexThrowsIsThrownToTheCaller) {
  for (int threads : {1, 4}) {
    EXPECT_THROW(ParallelFor(threads, 100,
                             [](int64_t i) {
                               if (i == 17) throw std::bad_alloc();
                             }),
                 std::bad_alloc);
    // And the threads go on working.
    std::atomic<int64_t> sum{0};
    ParallelFor(threads, 100, [&](int64_t i) { sum += i; });
    EXPECT_EQ(sum, 4950);
  }
}

// Exit code of a child for whom the system has no memory for 1000 stacks.
[[noreturn]] void WorkWithoutThreads() {
  const rlimit little = {uint64_t{64} << 20, uint64_t{64} << 20};
  setrlimit(RLIMIT_AS, &little);
  std::atomic<int> visits{0};
  ParallelFor(1000, 2000, [&](int64_t) { ++visits; });
  int64_t items = 0;
  try {
    OrderedPipeline<int64_t> pipeline(1000, 0, 100, 8, [](int64_t i) { return i; });
    while (pipeline.Next().has_value()) ++items;
  } catch (const std::bad_alloc&) {
    items = 100;
  }
  _exit(visits == 2000 && items == 100 ? 7 : 1);
}

TEST(ThreadsTest, WhereTheSystemRefusesThemTheWorkIsDoneByFewer) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer itself needs memory for every thread";
#endif
  EXPECT_EXIT(WorkWithoutThreads(), ::testing::ExitedWithCode(7), "");
}

TEST(OrderedPipelineTest, WhatAnItemThrowsIsThrownInItsPlace) {
  OrderedPipeline<int> pipeline(2, 0, 5, 3, [](int64_t i) {
    if (i == 2) throw std::bad_alloc();
    return static_cast<int>(i);
  });
  EXPECT_EQ(pipeline.Next(), 0);
  EXPECT_EQ(pipeline.Next(), 1);
  EXPECT_THROW(pipeline.Next(), std::bad_alloc);
  EXPECT_EQ(pipeline.Next(), 3);
}

TEST(OrderedPipelineTest, DeliversInOrderAndNeverRunsFurtherAheadThanAllowed) {
  std::atomic<int64_t> consumed{0};
  std::atomic<int64_t> furthest{0};
  OrderedPipeline<int64_t> pipeline(3, 10, 200, 8, [&](int64_t i) {
    const int64_t ahead = i - 10 - consumed;
    int64_t seen = furthest;
    while (ahead > seen && !furthest.compare_exchange_weak(seen, ahead)) {
    }
    return i * i;
  });
  for (int64_t i = 10; i < 200; ++i) {
    ASSERT_EQ(pipeline.Next(), i * i);
    ++consumed;
  }
  EXPECT_EQ(pipeline.Next(), std::nullopt);
  // One more than look_ahead: `consumed` is counted after Next() has already made room.
  EXPECT_LE(furthest, 9);
}

TEST(OrderedPipelineTest, CanBeLeftEarly) {
  OrderedPipeline<int> pipeline(2, 0, 1000000, 4, [](int64_t i) { return static_cast<int>(i); });
  EXPECT_EQ(pipeline.Next(), 0);
}

}  // namespace
}  // namespace cassle
