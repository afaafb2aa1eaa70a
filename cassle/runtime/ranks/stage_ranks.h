// Several processes that run one stage: found, compared, and heard when one fails.
//
//   info.team = FindStageRanks<v1::PretrainOptions>;  // the options have `ranks` and `launch`
//   Team* team = TeamOf(context);                     // in the work; null if alone
//
// Ranks speak through the store that rank 0 serves (team.h): who is there and with what
// (here R), that the work begins (start), that a rank is done or why not (end R), that rank 0 has
// ended (ended), and that a rank has nothing more to ask (bye R): the store goes with rank 0.
#ifndef CASSLE_RUNTIME_RANKS_STAGE_RANKS_H_
#define CASSLE_RUNTIME_RANKS_STAGE_RANKS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/runtime/ranks/launch.pb.h"
#include "cassle/runtime/ranks/local_ranks.h"
#include "cassle/runtime/ranks/place.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/stage/stage.h"
#include "cassle/stage/stage_team.h"

namespace cassle {

// Not thread-safe.
class StageRanks : public StageTeam {
 public:
  // Finds the place of this process (place.h), and rank 0; null if it is alone.
  //   context  of the run; must outlive the ranks.
  // \error as FindPlace and TeamStore::Connect.
  static absl::StatusOr<std::unique_ptr<StageTeam>> Find(int ranks, const v1::LaunchConfig& launch,
                                                         const StageContext& context);

  int rank() const override { return place_.rank; }
  int local_rank() const { return place_.local_rank; }
  int local_size() const override { return place_.local_size; }
  absl::StatusOr<bool> Begin(const Identity& identity) override;
  void Dismiss(const absl::Status& why) override;
  absl::Status End(const absl::Status& status) override;

  // After Begin.
  Team* team() const { return team_.get(); }

 private:
  StageRanks(const Place& place, const v1::LaunchConfig& launch, std::shared_ptr<TeamStore> store,
             const StageContext& context);

  // Of rank 0: until `rank` has set `key`, has died, or the deadline.
  void Await(int rank, const std::string& key, absl::Time deadline);
  // Connects with all others.
  absl::StatusOr<std::unique_ptr<Team>> Join();
  // Of rank 0: gathers and compares the others.
  absl::Status Gather(const Identity& identity);
  absl::Status AwaitArrival(int rank, absl::Time deadline, std::string* arrival);
  // Of the others: until rank 0 says that all are there, or (false) that there is nothing to do.
  absl::StatusOr<bool> AwaitStart();
  // What rank `rank` said before it ended, as its status; OK if it has said nothing of its own.
  absl::Status LastWords(int rank);
  // Of rank 0 after a rank was lost: which, and what it said, until the deadline.
  absl::Status WhoWasLost(const absl::Status& status, absl::Time deadline);
  absl::Status EndOfFirst(absl::Status status);
  absl::Status EndOfOther(const absl::Status& status);
  // "rank 2 (host gpu03)".
  std::string Name(int rank) const;

  const Place place_;
  const absl::Duration timeout_;
  const absl::Duration wait_;
  const std::shared_ptr<TeamStore> store_;
  const StageContext& context_;
  LocalRanks local_;
  // Rank -> its machine; known to rank 0.
  std::vector<std::string> hosts_;
  std::unique_ptr<Team> team_;
};

// The StageInfo::team of a stage whose options have `ranks` and `launch`.
template <class Options>
absl::StatusOr<std::unique_ptr<StageTeam>> FindStageRanks(const google::protobuf::Message& options,
                                                          const StageContext& context) {
  const auto& own = static_cast<const Options&>(options);
  return StageRanks::Find(own.ranks(), own.launch(), context);
}

// Those that do the work of this run; null if this process is alone.
Team* TeamOf(const StageContext& context);
// Number of this process on its machine, 0 if it is alone: which GPU it takes.
int LocalRankOf(const StageContext& context);
// Of `threads` for the arithmetic of a machine, those of this process; at least 1.
int ComputeThreads(int threads, const StageContext& context);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_STAGE_RANKS_H_
