#include "cassle/runtime/ranks/ranks_testutil.h"

#include <memory>
#include <thread>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {

void RunRanks(int size, const std::function<void(Team*)>& work, absl::Duration timeout) {
  const std::shared_ptr<TeamStore> store = TeamStore::InMemory();
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      absl::StatusOr<std::unique_ptr<Team>> team = Team::Join(store, rank, size, timeout);
      ASSERT_OK(team.status());
      try {
        work(team->get());
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << ": " << error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace cassle
