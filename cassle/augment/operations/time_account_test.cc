#include "cassle/augment/operations/time_account.h"

#include <chrono>
#include <thread>

#include "cassle/base/thread_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

void Sleep(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

double& Share(TimeAccount* account, Work work) { return account->work[static_cast<int>(work)]; }

TEST(TimeAccountTest, LapsAreBookedUnderTheirWorkAndSumUpToTheWall) {
  WorkTotals totals;
  WorkClock clock;
  clock.Start();
  Sleep(20);
  clock.Lap(Work::kDecode);
  Sleep(40);
  clock.Lap(Work::kCrop);
  Sleep(20);
  clock.Lap(Work::kDecode);
  totals.Add(&clock);
  // What was added is not counted again.
  totals.Add(&clock);
  TimeAccount account = totals.Account();
  // A busy machine may sleep longer, never shorter.
  EXPECT_GE(Share(&account, Work::kDecode), 0.039);
  EXPECT_GE(Share(&account, Work::kCrop), 0.039);
  EXPECT_EQ(Share(&account, Work::kBlur), 0);
  EXPECT_LE(account.worked(), account.wall * 1.01);
  EXPECT_GE(account.worked(), account.wall * 0.5);
}

TEST(TimeAccountTest, AFewTimedItemsStandForAll) {
  WorkTotals totals;
  WorkClock clock;
  for (int i = 0; i < 20; ++i) {
    clock.StartItem();
    Sleep(2);
    clock.Lap(Work::kBlur);
    if (i % 3 == 0) totals.Add(&clock);
  }
  totals.Add(&clock);
  TimeAccount account = totals.Account();
  // Items 0, 8 and 16 are timed; what waits for item 24 is missing.
  EXPECT_GE(Share(&account, Work::kBlur), 0.032);
  EXPECT_LE(Share(&account, Work::kBlur), 2 * account.wall);
}

TEST(TimeAccountTest, WorkersOfOneAccountAddUp) {
  WorkTotals totals;
  ParallelFor(4, 8, [&totals](int64_t) {
    WorkClock clock;
    clock.Start();
    Sleep(5);
    clock.Lap(Work::kRead);
    totals.Add(&clock);
  });
  TimeAccount account = totals.Account();
  EXPECT_GE(Share(&account, Work::kRead), 0.039);
}

TEST(TimeAccountTest, WordsNameTheBottleneckAndTheRemedy) {
  TimeAccount account;
  account.wall = 10;
  account.consumer_waited = 3.5;
  Share(&account, Work::kDecode) = 6;
  Share(&account, Work::kCrop) = 3;
  Share(&account, Work::kColor) = 0.99;
  Share(&account, Work::kRead) = 0.01;
  EXPECT_EQ(DescribeWork(account), "decode 60%, crop 30%, colour 10%");
  EXPECT_THAT(DescribeBottleneck(account, "training"),
              AllOf(HasSubstr("training waited for views 35.0% of 10.0 s"),
                    HasSubstr("worked 100% of the time (decode 60%"),
                    HasSubstr("views are the bottleneck, most of all decode"),
                    HasSubstr("--store=raw"), Not(HasSubstr("\n"))));
  // Of idle threads there need not be more.
  account.workers_waited = 30;
  EXPECT_THAT(DescribeBottleneck(account, "training"),
              AllOf(HasSubstr("waited for views 35.0%"), HasSubstr("worked 25% of the time"),
                    HasSubstr("the first views had to be waited for")));
  account.consumer_waited = 0.1;
  EXPECT_THAT(DescribeBottleneck(account, "training"),
              AllOf(HasSubstr("waited for views 1.0%"), HasSubstr("worked 25% of the time"),
                    HasSubstr("views are no bottleneck")));
}

TEST(TimeAccountTest, DifferenceOfTwoAccountsIsWhatCameBetween) {
  TimeAccount earlier;
  earlier.wall = 4;
  Share(&earlier, Work::kBlur) = 1;
  TimeAccount now = earlier;
  now.wall = 10;
  now.consumer_waited = 2;
  Share(&now, Work::kBlur) = 1.5;
  TimeAccount since = now - earlier;
  EXPECT_EQ(since.wall, 6);
  EXPECT_EQ(since.consumer_waited, 2);
  EXPECT_EQ(Share(&since, Work::kBlur), 0.5);
}

TEST(TimeAccountTest, NothingDoneIsNoBottleneck) {
  EXPECT_EQ(DescribeWork(TimeAccount()), "");
  EXPECT_THAT(DescribeBottleneck(TimeAccount(), "training"), HasSubstr("has not begun"));
  TimeAccount idle;
  idle.wall = 1;
  EXPECT_EQ(DescribeBottleneck(idle, "training"),
            "training waited for views 0.0% of 1.0 s; their threads worked 0% of the time: views "
            "are no bottleneck");
}

TEST(TimeAccountTest, WorkersThatAreAheadWaitForRoom) {
  OrderedPipeline<int64_t> pipeline(1, 0, 4, 1, [](int64_t i) { return i; });
  Sleep(50);
  EXPECT_EQ(pipeline.Next(), 0);
  while (pipeline.Next().has_value()) {
  }
  EXPECT_GE(pipeline.workers_waited_seconds(), 0.02);
}

}  // namespace
}  // namespace cassle
