// Ranks as threads of one process.
#ifndef CASSLE_RUNTIME_RANKS_RANKS_TESTUTIL_H_
#define CASSLE_RUNTIME_RANKS_RANKS_TESTUTIL_H_

#include <functional>

#include "cassle/runtime/ranks/team.h"

namespace cassle {

// Calls `work` on `size` threads at once, each with its rank's team; returns when all have ended.
// An exception fails the test.
void RunRanks(int size, const std::function<void(Team*)>& work,
              absl::Duration timeout = absl::Seconds(60));

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_RANKS_TESTUTIL_H_
