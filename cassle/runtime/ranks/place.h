// The place of this process among those that do a stage's work together: what launchers tell by
// environment variables.
#ifndef CASSLE_RUNTIME_RANKS_PLACE_H_
#define CASSLE_RUNTIME_RANKS_PLACE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/runtime/ranks/launch.pb.h"

namespace cassle {

struct Place {
  int rank = 0;
  int size = 1;
  // Among those of one machine; local_size 1 if it is not known.
  int local_rank = 0;
  int local_size = 1;
  // Of rank 0. Port 0: any free one (with starts_others).
  std::string host;
  int port = 0;
  // Who started this process, for messages: "torchrun", "Slurm", ...; empty: nobody.
  std::string launcher;
  // No launcher: this process is rank 0 and starts the others on its machine.
  bool starts_others = false;
};

// A variable of the environment; null if it is not set.
using Environment = std::function<const char*(const char* name)>;

// The first of these that says something:
//   launch.rank   everything by options
//   RANK          torchrun, and whoever sets the same variables
//   OMPI_...      Open MPI; before Slurm, whose variables its processes inherit
//   SLURM_PROCID  srun
//   PMI_RANK      MPICH and others
// else --ranks=K starts K processes, and without it there is one.
//   ranks  Option --ranks; 0: not given. What a launcher says must agree, but for a launcher that
//          started one process, which may start others.
// \error kInvalidArgument naming the variables or options that contradict each other, that are no
// numbers, or that lack their other half.
absl::StatusOr<Place> FindPlace(int ranks, const v1::LaunchConfig& launch,
                                const Environment& environment);

// The first host of a Slurm list: "gpu[03-07,9],login" -> "gpu03". Empty if there is none.
std::string FirstHost(absl::string_view list);
// Tasks on node number `node` of a Slurm list: "2(x3),1" -> 2, 2, 2, 1; 0 if it does not tell.
int TasksOnNode(absl::string_view list, int node);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_PLACE_H_
