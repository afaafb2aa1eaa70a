// Team: the processes (ranks) that train one model together. LibTorch's c10d does the work.
//
// How a batch is shared: every rank pushes its own rows through backbone and projector, where batch
// norm sees all rows (synced_batch_norm.h); what comes out is gathered (gather_rows.h), so that
// every rank computes the objective of the whole batch. Methods know of none of this.
#ifndef CASSLE_RUNTIME_RANKS_TEAM_H_
#define CASSLE_RUNTIME_RANKS_TEAM_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cassle {

// Where ranks find each other and leave words for each other: keys and values.
class TeamStore {
 public:
  virtual ~TeamStore();
  // In the memory of this process, for ranks that are threads (tests).
  static std::shared_ptr<TeamStore> InMemory();
  // Of the rank that serves it (`serves`) at host:port; the others connect, for `timeout` at most.
  // Port 0, for the rank that serves: any free one.
  // \error kUnavailable if the port is taken or nobody answers.
  static absl::StatusOr<std::shared_ptr<TeamStore>> Connect(const std::string& host, int port,
                                                            bool serves, absl::Duration timeout);

  // 0 in memory.
  virtual int port() const = 0;
  // An address of this machine that rank 0 can reach.
  virtual const std::string& own_address() const = 0;

  // Thread-safe. Throw TeamError if the rank that serves has gone or was given up (FindWithin).
  // Find waits for its answer without end, Set for none.
  virtual void Set(const std::string& key, const std::string& value) = 0;
  // Empty if nobody has set it.
  virtual std::string Find(const std::string& key) = 0;
};

// A rank has gone, hangs or did something else than the others. Thrown by collectives, which run
// inside of LibTorch's autograd too; TorchFailure (torch_guard.h) makes it kUnavailable.
class TeamError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What tells ranks that wait for another in the store that it will not come.
inline constexpr char kTeamEnded[] = "ended";

// As Find, but throws TeamError too if the store is silent for so long; from then on every question
// to it does.
std::string FindWithin(const std::shared_ptr<TeamStore>& store, const std::string& key,
                       absl::Duration silence);

// The value of `key` as soon as somebody has set it, however long that takes.
//   silence  How long the rank that serves may leave a question unanswered.
// Throws TeamError if it is silent or gone, or has set kTeamEnded. A silent one is given up: the
// question that is still open would keep every later one waiting.
std::string WaitForKey(const std::shared_ptr<TeamStore>& store, const std::string& key,
                       absl::Duration silence);

// Rows [first, first + count) of a batch.
struct RowRange {
  int64_t first = 0;
  int64_t count = 0;
};
// Those of one rank: parts in the order of ranks, as equal as can be.
RowRange RowsOfRank(int64_t rows, int rank, int size);

// Calls must come in the same order on all ranks. What is begun travels in a group of its own,
// beside what is waited for. Collectives throw TeamError. Not thread-safe.
class Team {
 public:
  // Waits until all have come.
  //   timeout  After so long without an answer a rank counts as lost.
  // \error kUnavailable if they do not come.
  static absl::StatusOr<std::unique_ptr<Team>> Join(std::shared_ptr<TeamStore> store, int rank,
                                                    int size, absl::Duration timeout);
  ~Team();

  int rank() const { return rank_; }
  int size() const { return size_; }
  RowRange OwnRows(int64_t rows) const { return RowsOfRank(rows, rank_, size_); }
  TeamStore& store() const { return *store_; }

  // Before the first collective of tensors of a GPU, on all ranks: where every rank has a GPU of
  // its own and LibTorch has NCCL, they travel by it, else by Gloo. Returns which, for people;
  // empty for a processor.
  // \error kUnavailable if NCCL's group cannot be made.
  absl::StatusOr<std::string> UseDevice(c10::Device device);

  // Replaces a dense tensor by the sum over ranks: the same bits on all, and for the same number of
  // ranks the same bits each time.
  void Sum(const at::Tensor& tensor);
  // The same, begun: the returned function waits for it. The tensor must not be touched before.
  [[nodiscard]] std::function<void()> BeginSum(const at::Tensor& tensor);
  // parts [size, ...] of every rank, part k for rank k -> [size, ...], what the ranks have for this
  // one. Begun; the returned function waits.
  [[nodiscard]] std::function<at::Tensor()> BeginExchange(const at::Tensor& parts);
  // own [...] of every rank, equal in shape -> [size, ...]. Begun; the returned function waits.
  [[nodiscard]] std::function<at::Tensor()> BeginGatherAll(const at::Tensor& own);
  // own [OwnRows(rows).count, ...] of every rank -> [rows, ...]. No gradient.
  at::Tensor Gather(const at::Tensor& own, int64_t rows);
  // Bytes of every rank, on rank 0 by rank; empty on the others.
  std::vector<std::string> GatherToFirst(const std::string& own);
  // Replaces a dense tensor by that of rank 0.
  void TakeFromFirst(const at::Tensor& tensor);
  // The same of bytes.
  void TakeFromFirst(std::string* bytes);
  // Whether any rank says so.
  bool Any(bool here);
  // What rank 0 does alone while the others wait, however long it takes, as long as it is there.
  // The others return OK.
  absl::Status AloneOnFirst(const std::function<absl::Status()>& work);

 private:
  // A small sum: each tells each, and all add in the order of ranks. One way there instead of the
  // rounds of an allreduce, each of which wakes threads (docs/benchmarks.md, "Ranks").
  void SumOfNeighbours(const at::Tensor& tensor);

  class Group;
  Team(std::shared_ptr<TeamStore> store, int rank, int size, absl::Duration timeout);

  const std::shared_ptr<TeamStore> store_;
  const int rank_;
  const int size_;
  const absl::Duration timeout_;
  std::unique_ptr<Group> group_;
  std::unique_ptr<Group> background_;
  int64_t alone_ = 0;
};

// While it lives, this thread computes on the own rows of a batch of which other ranks have the
// rest. Null: nothing.
class OwnRowsScope {
 public:
  explicit OwnRowsScope(Team* team);
  ~OwnRowsScope();
  OwnRowsScope(const OwnRowsScope&) = delete;
  OwnRowsScope& operator=(const OwnRowsScope&) = delete;
  // That of the innermost scope of this thread; null outside of all.
  static Team* current();

 private:
  Team* const before_;
};

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_TEAM_H_
