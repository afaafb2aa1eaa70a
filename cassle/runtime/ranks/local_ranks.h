// The other ranks of a stage that starts them itself: processes of the same program with the same
// command line on this machine.
#ifndef CASSLE_RUNTIME_RANKS_LOCAL_RANKS_H_
#define CASSLE_RUNTIME_RANKS_LOCAL_RANKS_H_

#include <sys/types.h>

#include <map>
#include <string>

#include "absl/status/status.h"

namespace cassle {

// Not thread-safe.
class LocalRanks {
 public:
  LocalRanks() = default;
  // Kills those that have not ended: they write nothing.
  ~LocalRanks();
  LocalRanks(const LocalRanks&) = delete;
  LocalRanks& operator=(const LocalRanks&) = delete;

  // Starts ranks 1 .. size - 1, which find rank 0 at host:port and their place in the environment,
  // as torchrun would tell it (place.h). They read nothing from stdin, write nothing to stdout, and
  // die with this process.
  // \error kAborted if the system refuses.
  absl::Status Start(int size, const std::string& host, int port);

  // "was ended by signal 9 (Killed)" or "ended with exit code 70" of a rank that has ended and did
  // not say that all was well; else empty.
  std::string Death(int rank);

 private:
  std::map<int, pid_t> running_;
  std::map<int, std::string> deaths_;
};

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_LOCAL_RANKS_H_
