// StageTeam: the processes (ranks) that do the work of one stage together, as the harness sees
// them. Rank 0 leads: it alone has the output and speaks to people; the others parse the same
// command line, do the same work without an output, and end when it ends.
#ifndef CASSLE_STAGE_STAGE_TEAM_H_
#define CASSLE_STAGE_STAGE_TEAM_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cassle {

class StageTeam {
 public:
  virtual ~StageTeam() = default;

  virtual int rank() const = 0;
  // Ranks that share this machine.
  virtual int local_size() const = 0;
  bool leads() const { return rank() == 0; }

  // Before the work: returns when all ranks are about to begin it; false, never on rank 0, if rank
  // 0 has found nothing to do.
  //   identity  Names and values that must be equal on all: what, and from what.
  // \error kInvalidArgument if ranks differ, naming one and what it has; kUnavailable if one does
  // not come; kCancelled if rank 0 was interrupted; what another rank failed with. What only rank 0
  // shall say has an empty message on the others.
  using Identity = std::vector<std::pair<std::string, std::string>>;
  virtual absl::StatusOr<bool> Begin(const Identity& identity) = 0;
  // On rank 0 instead of Begin: there is nothing to do, or no way to do it.
  virtual void Dismiss(const absl::Status& why) = 0;
  // After the work, or without it on a rank that could not Begin: `status` is what came of it
  // here. Returns what this process shall say: on rank 0 the failure of the rank that failed; with
  // an empty message where rank 0 says it.
  virtual absl::Status End(const absl::Status& status) = 0;
};

}  // namespace cassle

#endif  // CASSLE_STAGE_STAGE_TEAM_H_
