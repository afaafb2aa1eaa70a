#include "cassle/runtime/ranks/team.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/runtime/ranks/gather_rows.h"
#include "cassle/runtime/ranks/ranks_testutil.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(TeamTest, RowsOfAllRanksAreAllRowsOnce) {
  for (const int64_t rows : {1, 7, 8, 256}) {
    for (const int size : {1, 2, 3, 4, 7}) {
      int64_t next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const RowRange range = RowsOfRank(rows, rank, size);
        EXPECT_EQ(range.first, next);
        EXPECT_LE(std::abs(range.count - rows / size), 1);
        next += range.count;
      }
      EXPECT_EQ(next, rows);
    }
  }
}

// Rank 0 speaks, and ends, between a question for `key` and the one whether it has ended.
class LastWordStore : public TeamStore {
 public:
  int port() const override { return 0; }
  const std::string& own_address() const override { return address_; }
  void Set(const std::string&, const std::string&) override {}
  std::string Find(const std::string& key) override {
    if (key == kTeamEnded) ended_ = true;
    return ended_ && key != "never set" ? "said" : "";
  }

 private:
  const std::string address_ = "127.0.0.1";
  std::atomic<bool> ended_{false};
};

TEST(TeamTest, TheLastWordsOfTheFirstAreHeard) {
  EXPECT_EQ(WaitForKey(std::make_shared<LastWordStore>(), "why", absl::Seconds(10)), "said");
  EXPECT_THROW(WaitForKey(std::make_shared<LastWordStore>(), "never set", absl::Seconds(10)),
               TeamError);
}

TEST(TeamTest, SumsAndGathersAndTakesFromTheFirst) {
  for (const int size : {1, 2, 3, 4}) {
    RunRanks(size, [&](Team* team) {
      at::Tensor sum = at::full({5}, team->rank() + 1.0, at::kDouble);
      team->Sum(sum);
      EXPECT_EQ(sum[0].item().toDouble(), size * (size + 1) / 2.0);
      // More than ranks tell each other one by one.
      at::Tensor large = at::full({20000}, team->rank() + 1.0, at::kDouble);
      team->Sum(large);
      EXPECT_EQ(large[19999].item().toDouble(), size * (size + 1) / 2.0);
      const at::Tensor all = at::arange(14, at::kFloat).view({7, 2});
      const RowRange own = team->OwnRows(7);
      EXPECT_TRUE(at::equal(team->Gather(all.narrow(0, own.first, own.count), 7), all));
      at::Tensor first = at::full({3}, team->rank(), at::kFloat);
      team->TakeFromFirst(first);
      EXPECT_EQ(first.abs().sum().item().toDouble(), 0);
      EXPECT_TRUE(team->Any(team->rank() == size - 1));
      EXPECT_FALSE(team->Any(false));
      // Of other lengths; one has nothing.
      const std::vector<std::string> gathered =
          team->GatherToFirst(std::string(team->rank() * 3, static_cast<char>('a' + team->rank())));
      if (team->rank() == 0) {
        ASSERT_EQ(gathered.size(), static_cast<size_t>(size));
        for (int rank = 0; rank < size; ++rank) {
          EXPECT_EQ(gathered[rank], std::string(rank * 3, static_cast<char>('a' + rank)));
        }
      } else {
        EXPECT_TRUE(gathered.empty());
      }
      std::string bytes = team->rank() == 0 ? "of rank 0" : "";
      team->TakeFromFirst(&bytes);
      EXPECT_EQ(bytes, "of rank 0");
      static std::atomic<int> alone{0};
      for (int i = 0; i < 2; ++i) {
        EXPECT_OK(team->AloneOnFirst([&] {
          EXPECT_EQ(team->rank(), 0);
          ++alone;
          return absl::OkStatus();
        }));
        EXPECT_GT(alone, 0);
      }
    });
  }
}

// f = sum of cubes of w x over all rows, with x shared and w behind or before the gathering.
TEST(TeamTest, TheMeanOfGradientsOverRanksIsTheGradientOnBothSidesOfTheGathering) {
  const at::Tensor x = at::arange(1, 8, at::kDouble).view({7, 1});
  at::Tensor before = at::full({1}, 0.5, at::kDouble), behind = at::full({1}, 0.25, at::kDouble);
  before.set_requires_grad(true);
  behind.set_requires_grad(true);
  at::sum((x * before * behind).pow(3)).backward();
  RunRanks(3, [&](Team* team) {
    at::Tensor own_before = before.detach().clone().set_requires_grad(true);
    at::Tensor own_behind = behind.detach().clone().set_requires_grad(true);
    const RowRange own = team->OwnRows(7);
    const at::Tensor rows = x.narrow(0, own.first, own.count) * own_before;
    at::sum((GatherRows(rows, 7, team) * own_behind).pow(3)).backward();
    for (auto [parameter, expected] :
         {std::pair(own_before, before.grad()), std::pair(own_behind, behind.grad())}) {
      team->Sum(parameter.grad());
      EXPECT_NEAR((parameter.grad() / 3).item().toDouble(), expected.item().toDouble(), 1e-12);
    }
  });
}

TEST(TeamTest, ARankThatIsGoneIsAnErrorWithinTheTimeout) {
  RunRanks(
      2,
      [](Team* team) {
        if (team->rank() == 1) return;
        EXPECT_THROW(team->Any(true), TeamError);
      },
      absl::Seconds(2));
}

TEST(TeamTest, OneThatNeverComesIsAnErrorWithinTheTimeout) {
  EXPECT_THAT(Team::Join(TeamStore::InMemory(), 0, 2, absl::Seconds(1)).status(),
              StatusIs(absl::StatusCode::kUnavailable, testing::HasSubstr("not all of the 2")));
}

TEST(TeamTest, AStoreThatNobodyServesIsAnError) {
  EXPECT_THAT(TeamStore::Connect("127.0.0.1", 1, /*serves=*/false, absl::Seconds(1)).status(),
              StatusIs(absl::StatusCode::kUnavailable, testing::HasSubstr("127.0.0.1:1")));
}

TEST(OwnRowsScopeTest, NestsAndBelongsToTheThread) {
  EXPECT_EQ(OwnRowsScope::current(), nullptr);
  RunRanks(2, [](Team* team) {
    const OwnRowsScope outer(team);
    EXPECT_EQ(OwnRowsScope::current(), team);
    {
      const OwnRowsScope none(nullptr);
      EXPECT_EQ(OwnRowsScope::current(), nullptr);
    }
    EXPECT_EQ(OwnRowsScope::current(), team);
  });
}

}  // namespace
}  // namespace cassle
