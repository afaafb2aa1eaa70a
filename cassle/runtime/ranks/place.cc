#include "cassle/runtime/ranks/place.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr int kDefaultPort = 29411;
constexpr int kLastPort = 65535;
constexpr char kThisMachine[] = "127.0.0.1";

// Names of a launcher's variables.
struct Launcher {
  const char* name;
  const char* rank;
  // The first that is set counts.
  std::vector<const char*> size;
  const char* local_rank;
  const char* local_size;
};

const std::vector<Launcher>& Launchers() {
  static const auto& launchers = *new std::vector<Launcher>{
      {"torchrun", "RANK", {"WORLD_SIZE"}, "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
      {"Open MPI",
       "OMPI_COMM_WORLD_RANK",
       {"OMPI_COMM_WORLD_SIZE"},
       "OMPI_COMM_WORLD_LOCAL_RANK",
       "OMPI_COMM_WORLD_LOCAL_SIZE"},
      {"Slurm", "SLURM_PROCID", {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}, "SLURM_LOCALID", nullptr},
      {"PMI", "PMI_RANK", {"PMI_SIZE"}, "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
  };
  return launchers;
}

class Finder {
 public:
  Finder(int ranks, const v1::LaunchConfig& launch, const Environment& environment)
      : ranks_(ranks), launch_(launch), environment_(environment) {}

  absl::StatusOr<Place> Find() const {
    Place place;
    if (ranks_ == 1) return place;
    if (launch_.has_rank()) return ByOptions();
    for (const Launcher& launcher : Launchers()) {
      CASSLE_ASSIGN_OR_RETURN(const bool there, By(launcher, &place));
      if (!there) continue;
      if (place.size > 1) return place;
      // One process in a job of its own may start others.
      break;
    }
    place = Place();
    if (ranks_ <= 1) return place;
    if (launch_.has_local_rank() || launch_.has_local_ranks()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--launch.", launch_.has_local_rank() ? "local_rank" : "local_ranks",
          " with --ranks=", ranks_,
          " and without --launch.rank: the ranks that this process starts are all on its "
          "machine and know their number there; leave it out"));
    }
    place.size = place.local_size = ranks_;
    place.host = launch_.host().empty() ? kThisMachine : launch_.host();
    place.port = launch_.port();
    place.starts_others = true;
    return place;
  }

 private:
  std::string Get(const char* name) const {
    const char* value = name == nullptr ? nullptr : environment_(name);
    return value == nullptr ? "" : value;
  }

  // 0 if it is not set.
  absl::StatusOr<int> Number(const char* name) const {
    const std::string text = Get(name);
    int value = 0;
    if (!text.empty() && (!absl::SimpleAtoi(text, &value) || value < 0)) {
      return absl::InvalidArgumentError(absl::StrCat("the environment has ", name, "=", text,
                                                     ", which is no number of a process"));
    }
    return value;
  }

  absl::StatusOr<Place> ByOptions() const {
    Place place;
    place.launcher = "--launch";
    place.rank = launch_.rank();
    place.size = ranks_;
    if (ranks_ == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--launch.rank=", place.rank, " without --ranks: how many are there?"));
    }
    if (place.rank >= place.size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--launch.rank=", place.rank, " with --ranks=", ranks_, ": ranks are counted from 0"));
    }
    if (launch_.host().empty()) {
      return absl::InvalidArgumentError(
          "--launch.rank without --launch.host: where do the others find rank 0?");
    }
    place.host = launch_.host();
    place.port = launch_.has_port() ? launch_.port() : kDefaultPort;
    TakeLocalOptions(&place);
    return place;
  }

  void TakeLocalOptions(Place* place) const {
    if (launch_.has_local_rank()) place->local_rank = launch_.local_rank();
    if (launch_.has_local_ranks()) place->local_size = launch_.local_ranks();
  }

  // True if `launcher` started this process.
  absl::StatusOr<bool> By(const Launcher& launcher, Place* place) const {
    const char* size_name = launcher.size.back();
    for (auto name = launcher.size.rbegin(); name != launcher.size.rend(); ++name) {
      if (!Get(*name).empty()) size_name = *name;
    }
    const bool has_rank = !Get(launcher.rank).empty(), has_size = !Get(size_name).empty();
    const bool is_slurm = absl::string_view(launcher.name) == "Slurm";
    // Set in the script of a job too, in which nobody else runs.
    if (is_slurm && (!has_rank || Get("SLURM_STEP_ID").empty())) return false;
    if (!has_rank && !has_size) return false;
    if (!has_rank || !has_size) {
      return absl::InvalidArgumentError(
          absl::StrCat("the environment has ", has_rank ? launcher.rank : size_name, " but no ",
                       has_rank ? size_name : launcher.rank, ": start with ", launcher.name,
                       ", set both, or say --ranks=1 for one process alone"));
    }
    place->launcher = launcher.name;
    CASSLE_ASSIGN_OR_RETURN(place->rank, Number(launcher.rank));
    CASSLE_ASSIGN_OR_RETURN(place->size, Number(size_name));
    if (place->rank >= place->size) {
      return absl::InvalidArgumentError(
          absl::StrCat("the environment has ", launcher.rank, "=", place->rank, " and ", size_name,
                       "=", place->size, ": ranks are counted from 0 to ", place->size - 1));
    }
    if (ranks_ > 0 && place->size > 1 && ranks_ != place->size) {
      return absl::InvalidArgumentError(absl::StrCat("--ranks=", ranks_, ", but ", launcher.name,
                                                     " started ", place->size, " (", size_name,
                                                     "): leave --ranks out"));
    }
    CASSLE_ASSIGN_OR_RETURN(place->local_rank, Number(launcher.local_rank));
    if (is_slurm) {
      CASSLE_ASSIGN_OR_RETURN(const int node, Number("SLURM_NODEID"));
      place->local_size = TasksOnNode(Get("SLURM_STEP_TASKS_PER_NODE"), node);
    } else {
      CASSLE_ASSIGN_OR_RETURN(place->local_size, Number(launcher.local_size));
    }
    if (place->local_size == 0) place->local_size = 1;
    TakeLocalOptions(place);
    if (place->size == 1) return true;
    CASSLE_RETURN_IF_ERROR(FindRankZero(is_slurm, place));
    return true;
  }

  absl::Status FindRankZero(bool is_slurm, Place* place) const {
    CASSLE_ASSIGN_OR_RETURN(const int master_port, Number("MASTER_PORT"));
    if (master_port > kLastPort) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the environment has MASTER_PORT=", master_port, ": ports end at ", kLastPort));
    }
    place->host = !launch_.host().empty() ? launch_.host() : Get("MASTER_ADDR");
    if (place->host.empty() && is_slurm) {
      const std::string step = Get("SLURM_STEP_NODELIST");
      place->host = FirstHost(step.empty() ? Get("SLURM_JOB_NODELIST") : step);
    }
    if (place->host.empty() && place->local_size == place->size) place->host = kThisMachine;
    if (place->host.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          place->launcher, " started ", place->size,
          " processes, but nothing says where rank 0 is: set MASTER_ADDR, or --launch.host"));
    }
    if (launch_.has_port()) {
      place->port = launch_.port();
    } else if (master_port > 0) {
      // torchrun's own store has taken it.
      place->port = master_port + (Get("TORCHELASTIC_USE_AGENT_STORE") == "True" ? 1 : 0);
      if (place->port > kLastPort) {
        return absl::InvalidArgumentError(
            "the port after MASTER_PORT, which torchrun has taken, is none: set --launch.port");
      }
    } else {
      place->port = kDefaultPort;
      if (is_slurm) {
        // Jobs that share a machine do not meet; above the ports of services, below those that
        // systems give to anybody.
        CASSLE_ASSIGN_OR_RETURN(const int job, Number("SLURM_JOB_ID"));
        CASSLE_ASSIGN_OR_RETURN(const int step, Number("SLURM_STEP_ID"));
        place->port = 15000 + static_cast<int>((int64_t{job} * 7 + step) % 15000);
      }
    }
    return absl::OkStatus();
  }

  const int ranks_;
  const v1::LaunchConfig& launch_;
  const Environment& environment_;
};

}  // namespace

absl::StatusOr<Place> FindPlace(int ranks, const v1::LaunchConfig& launch,
                                const Environment& environment) {
  return Finder(ranks, launch, environment).Find();
}

std::string FirstHost(absl::string_view list) {
  const size_t end = list.find_first_of(",[");
  std::string host(list.substr(0, end));
  if (end == absl::string_view::npos || list[end] == ',') return host;
  const absl::string_view numbers = list.substr(end + 1);
  const size_t close = numbers.find(']');
  const absl::string_view rest = close == absl::string_view::npos ? "" : numbers.substr(close + 1);
  return absl::StrCat(host, numbers.substr(0, numbers.find_first_of("-,]")), FirstHost(rest));
}

int TasksOnNode(absl::string_view list, int node) {
  for (absl::string_view part : absl::StrSplit(list, ',')) {
    int tasks = 0, nodes = 1;
    const size_t times = part.find("(x");
    if (times != absl::string_view::npos) {
      absl::string_view count = part.substr(times + 2);
      if (!absl::ConsumeSuffix(&count, ")") || !absl::SimpleAtoi(count, &nodes)) return 0;
    }
    if (!absl::SimpleAtoi(part.substr(0, times), &tasks)) return 0;
    if (node < nodes) return tasks;
    node -= nodes;
  }
  return 0;
}

}  // namespace cassle
