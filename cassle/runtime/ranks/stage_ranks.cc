#include "cassle/runtime/ranks/stage_ranks.h"

#include <ATen/Version.h>
#include <dlfcn.h>
#include <sys/stat.h>
#include <torch/csrc/api/include/torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/vector_kernels.h"
#include "cassle/runtime/ranks/aside.h"
#include "cassle/runtime/ranks/host_name.h"

namespace cassle {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(20);
// What others have to notice that a rank has gone, and to say so: connections break at once, and
// the store answers at once.
constexpr absl::Duration kRollCall = absl::Seconds(3);
constexpr char kStart[] = "start";
constexpr char kGo[] = "go";
// The end of a rank that saw another one go.
constexpr char kLost[] = "lost";
// That of one that rank 0 has told to end before the work began.
constexpr char kTold[] = "told";
// Of a rank that has nothing more to ask.
constexpr char kBye[] = "heard";
constexpr char kGoesOn[] = "; the same command goes on from the last checkpoint, if there is one";

std::string HereKey(int rank) { return absl::StrCat("here ", rank); }
std::string EndKey(int rank) { return absl::StrCat("end ", rank); }
std::string ByeKey(int rank) { return absl::StrCat("bye ", rank); }

// A status as one value of the store, and back.
std::string StatusText(const absl::Status& status) {
  return absl::StrCat(static_cast<int>(status.code()), "\n", status.message());
}
absl::Status TextStatus(const std::string& text) {
  const size_t end = text.find('\n');
  int code = 0;
  if (end == std::string::npos || !absl::SimpleAtoi(text.substr(0, end), &code)) {
    return absl::OkStatus();
  }
  return absl::Status(static_cast<absl::StatusCode>(code), text.substr(end + 1));
}

// Of a rank that has nothing to say: rank 0 does.
absl::Status Silent(const absl::Status& status) { return absl::Status(status.code(), ""); }

std::string OwnHost() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return name;
}

// The library that was loaded, by its size: LibTorch is not asked before it is configured.
std::string LibTorchFile() {
  Dl_info info = {};
  struct stat file = {};
  if (dladdr(reinterpret_cast<const void*>(&at::show_config), &info) == 0 ||
      stat(info.dli_fname, &file) != 0) {
    return "unknown";
  }
  return absl::StrCat(TORCH_VERSION, ", ", file.st_size, " bytes");
}

// What computes: all ranks must have the same for the same bits.
StageTeam::Identity Program() {
  const auto program = FingerprintFile("/proc/self/exe");
  return {
      {"program", program.ok() ? *program : "unknown"},
      {"LibTorch", LibTorchFile()},
      {"kind of processor (ATEN_CPU_CAPABILITY sets what is used of it)", KindOfVectorKernels()}};
}

// Lines of an options text that only one of two has: "seed: 1" against "seed: 2".
std::string Difference(const std::string& a, const std::string& b) {
  const std::vector<std::string> of_a = absl::StrSplit(a, '\n'), of_b = absl::StrSplit(b, '\n');
  const auto only = [](const std::vector<std::string>& some,
                       const std::vector<std::string>& other) {
    std::string lines;
    for (const std::string& line : some) {
      if (std::find(other.begin(), other.end(), line) != other.end()) continue;
      absl::StrAppend(&lines, lines.empty() ? "" : ", ", absl::StripAsciiWhitespace(line));
    }
    return lines.empty() ? std::string("nothing") : lines;
  };
  return absl::StrCat(" (", only(of_a, of_b), " against ", only(of_b, of_a), ")");
}

// An identity as one value of the store; no name or value has the separators.
std::string IdentityText(const StageTeam::Identity& identity) {
  std::string text;
  for (const auto& [name, value] : identity) absl::StrAppend(&text, name, "\x1f", value, "\x1e");
  return text;
}
StageTeam::Identity TextIdentity(absl::string_view text) {
  StageTeam::Identity identity;
  for (absl::string_view entry : absl::StrSplit(text, '\x1e', absl::SkipEmpty())) {
    identity.push_back(absl::StrSplit(entry, absl::MaxSplits('\x1f', 1)));
  }
  return identity;
}

// Calls `function`; what it throws is the loss of a rank.
template <class Function>
absl::Status OrLost(const Function& function) {
  try {
    return function();
  } catch (const TeamError& error) {
    return absl::UnavailableError(error.what());
  }
}

}  // namespace

StageRanks::StageRanks(const Place& place, const v1::LaunchConfig& launch,
                       std::shared_ptr<TeamStore> store, const StageContext& context)
    : place_(place),
      timeout_(absl::Seconds(launch.timeout_seconds())),
      wait_(absl::Seconds(launch.wait_seconds())),
      store_(std::move(store)),
      context_(context),
      hosts_(place.size) {
  hosts_[0] = OwnHost();
}

absl::StatusOr<std::unique_ptr<StageTeam>> StageRanks::Find(int ranks,
                                                            const v1::LaunchConfig& launch,
                                                            const StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(const Place place, FindPlace(ranks, launch, std::getenv));
  if (place.size == 1) return nullptr;
  CASSLE_RETURN_IF_ERROR(WaitForHost(
      place.host, absl::Seconds(launch.wait_seconds()),
      [&](const std::string& line) { context.Warn(line); }, [&] { return context.interrupted(); }));
  using Store = absl::StatusOr<std::shared_ptr<TeamStore>>;
  Aside<Store> connecting([place, wait = absl::Seconds(launch.wait_seconds())] {
    return TeamStore::Connect(place.host, place.port, /*serves=*/place.rank == 0, wait);
  });
  std::optional<Store> store;
  while (!(store = connecting.Await(kPause)).has_value()) {
    if (context.interrupted()) return absl::CancelledError("interrupted before the first step");
  }
  CASSLE_RETURN_IF_ERROR(store->status());
  return std::unique_ptr<StageTeam>(new StageRanks(place, launch, **std::move(store), context));
}

std::string StageRanks::Name(int rank) const {
  return absl::StrCat("rank ", rank,
                      hosts_[rank].empty() ? "" : absl::StrCat(" (host ", hosts_[rank], ")"));
}

absl::StatusOr<bool> StageRanks::Begin(const Identity& identity) {
  Identity whole = identity;
  const Identity program = Program();
  whole.insert(whole.end(), program.begin(), program.end());
  bool work_to_do = true;
  const absl::Status begun = OrLost([&]() -> absl::Status {
    if (leads()) return Gather(whole);
    store_->Set(HereKey(rank()), absl::StrCat(OwnHost(), "\n", IdentityText(whole)));
    CASSLE_ASSIGN_OR_RETURN(work_to_do, AwaitStart());
    return absl::OkStatus();
  });
  // What rank 0 has told need not be told to rank 0.
  const bool told = !leads() && (begun.message().empty() || absl::IsCancelled(begun));
  if (!begun.ok()) return told ? begun : End(begun);
  if (!work_to_do) return false;
  absl::StatusOr<std::unique_ptr<Team>> team = Join();
  if (!team.ok()) return End(team.status());
  team_ = *std::move(team);
  return true;
}

absl::StatusOr<std::unique_ptr<Team>> StageRanks::Join() {
  // Aside: Gloo tries for minutes to reach a rank that has died meanwhile.
  Aside<absl::StatusOr<std::unique_ptr<Team>>> joining(
      [place = place_, port = store_->port(),
       timeout = timeout_]() -> absl::StatusOr<std::unique_ptr<Team>> {
        // By a connection of its own: Gloo keeps it to itself while it waits for the others.
        CASSLE_ASSIGN_OR_RETURN(auto store,
                                TeamStore::Connect(place.host, port, /*serves=*/false, timeout));
        return Team::Join(store, place.rank, place.size, timeout);
      });
  const absl::Time deadline = absl::Now() + timeout_;
  while (absl::Now() < deadline) {
    if (auto team = joining.Await(kPause)) return *std::move(team);
    CASSLE_RETURN_IF_ERROR(OrLost([&]() -> absl::Status {
      if (!leads()) {
        if (store_->Find(kTeamEnded).empty()) return absl::OkStatus();
        return absl::UnavailableError("rank 0 has ended");
      }
      for (int rank = 1; rank < place_.size; ++rank) {
        CASSLE_RETURN_IF_ERROR(LastWords(rank));
        const std::string death = local_.Death(rank);
        if (death.empty()) continue;
        return absl::UnavailableError(absl::StrCat(Name(rank), " ", death, kGoesOn));
      }
      return absl::OkStatus();
    }));
  }
  return absl::UnavailableError(absl::StrCat("the ", place_.size,
                                             " ranks did not reach each other within ",
                                             absl::FormatDuration(timeout_)));
}

absl::Status StageRanks::Gather(const Identity& identity) {
  if (place_.starts_others) {
    CASSLE_RETURN_IF_ERROR(local_.Start(place_.size, place_.host, store_->port()));
  }
  const absl::Time deadline = absl::Now() + wait_;
  for (int rank = 1; rank < place_.size; ++rank) {
    std::string arrival;
    CASSLE_RETURN_IF_ERROR(AwaitArrival(rank, deadline, &arrival));
    const size_t end = arrival.find('\n');
    hosts_[rank] = arrival.substr(0, end);
    const Identity other = TextIdentity(arrival.substr(end + 1));
    for (size_t i = 0; i < std::max(identity.size(), other.size()); ++i) {
      if (i < identity.size() && i < other.size() && identity[i] == other[i]) continue;
      const std::string name = i < identity.size() ? identity[i].first : other[i].first;
      const std::string details = name == "options" && i < other.size()
                                      ? Difference(other[i].second, identity[i].second)
                                      : "";
      return absl::InvalidArgumentError(
          absl::StrCat(Name(rank), " differs from rank 0 in ", name, details,
                       ": all ranks need the same command, the same program and the same inputs"));
    }
  }
  store_->Set(kStart, kGo);
  return absl::OkStatus();
}

absl::Status StageRanks::AwaitArrival(int rank, absl::Time deadline, std::string* arrival) {
  while ((*arrival = store_->Find(HereKey(rank))).empty()) {
    const absl::Status words = TextStatus(FindWithin(store_, EndKey(rank), kRollCall));
    if (!words.ok()) {
      return absl::Status(words.code(), absl::StrCat(Name(rank), ": ", words.message()));
    }
    const std::string death = local_.Death(rank);
    if (!death.empty()) {
      return absl::UnavailableError(absl::StrCat("rank ", rank, " ", death, " before it began"));
    }
    if (context_.interrupted()) return absl::CancelledError("interrupted before all ranks came");
    if (absl::Now() > deadline) {
      return absl::UnavailableError(absl::StrCat(
          "rank ", rank, " of ", place_.size, " has not come within ", absl::FormatDuration(wait_),
          ": was it started, and does it reach port ", store_->port(), " of ", hosts_[0], "?"));
    }
    absl::SleepFor(kPause);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> StageRanks::AwaitStart() {
  const std::string start = WaitForKey(store_, kStart, timeout_);
  if (start == kGo) return true;
  store_->Set(EndKey(rank()), kTold);
  store_->Set(ByeKey(rank()), kBye);
  const absl::Status why = TextStatus(start);
  if (why.ok()) return false;
  // Launchers that look at each rank by itself must not take it for done.
  if (absl::IsCancelled(why)) {
    return absl::CancelledError(
        absl::StrCat("rank ", rank(), " (host ", OwnHost(), "): rank 0 (host ", place_.host,
                     ") was interrupted before all ranks had come; start all of them again"));
  }
  return Silent(why);
}

void StageRanks::Await(int rank, const std::string& key, absl::Time deadline) {
  while (FindWithin(store_, key, kRollCall).empty() && local_.Death(rank).empty() &&
         absl::Now() < deadline) {
    absl::SleepFor(kPause);
  }
}

void StageRanks::Dismiss(const absl::Status& why) {
  if (place_.starts_others) return;
  // Those that come a little later should hear it too, instead of waiting for nobody.
  OrLost([&] {
    store_->Set(kStart, StatusText(why));
    // For one that failed by itself and waits to be heard.
    store_->Set(kTeamEnded, "all");
    const absl::Time deadline = absl::Now() + std::min(wait_, absl::Seconds(10));
    for (int rank = 1; rank < place_.size; ++rank) Await(rank, ByeKey(rank), deadline);
    return absl::OkStatus();
  }).IgnoreError();
}

absl::Status StageRanks::End(const absl::Status& status) {
  return leads() ? EndOfFirst(status) : EndOfOther(status);
}

absl::Status StageRanks::LastWords(int rank) {
  const absl::Status words = TextStatus(FindWithin(store_, EndKey(rank), kRollCall));
  if (words.ok() || absl::IsCancelled(words)) return absl::OkStatus();
  return absl::Status(words.code(), absl::StrCat(Name(rank), ": ", words.message()));
}

absl::Status StageRanks::WhoWasLost(const absl::Status& status, absl::Time deadline) {
  std::string silent;
  do {
    absl::SleepFor(kPause);
    silent.clear();
    for (int rank = 1; rank < place_.size; ++rank) {
      CASSLE_RETURN_IF_ERROR(LastWords(rank));
      const std::string death = local_.Death(rank);
      if (!death.empty()) {
        return absl::UnavailableError(absl::StrCat(Name(rank), " ", death, kGoesOn));
      }
      if (FindWithin(store_, EndKey(rank), kRollCall).empty()) {
        absl::StrAppend(&silent, silent.empty() ? "" : ", ", Name(rank));
      }
    }
  } while (!silent.empty() && absl::Now() < deadline);
  if (silent.empty()) return absl::UnavailableError(absl::StrCat(status.message(), kGoesOn));
  return absl::UnavailableError(absl::StrCat(silent, " died or does not answer", kGoesOn));
}

absl::Status StageRanks::EndOfFirst(absl::Status status) {
  const bool lost = team_ != nullptr && absl::IsUnavailable(status);
  // Its own processes have nothing to say and end with it (local_ranks.h).
  if (place_.starts_others && team_ == nullptr) return status;
  // Its connections break: whoever waits for this rank hears it.
  team_.reset();
  const absl::Time deadline = absl::Now() + (status.ok() ? timeout_ : kRollCall);
  const absl::Status told = OrLost([&] {
    if (lost) status = WhoWasLost(status, deadline);
    // Why comes before that: who waits to start must not hear the second alone.
    store_->Set(kStart, StatusText(status));
    if (!status.ok() && !absl::IsCancelled(status)) store_->Set(kTeamEnded, "failed");
    for (int rank = 1; rank < place_.size; ++rank) Await(rank, EndKey(rank), deadline);
    store_->Set(kTeamEnded, "all");
    // The store goes with this process: until those that live have heard that.
    const absl::Time last = absl::Now() + kRollCall;
    for (int rank = 1; rank < place_.size; ++rank) {
      if (!FindWithin(store_, EndKey(rank), kRollCall).empty()) Await(rank, ByeKey(rank), last);
    }
    return absl::OkStatus();
  });
  // Its own store hangs on the half of a message: of a rank that a broken cable cut off.
  if (lost && !told.ok()) {
    return absl::UnavailableError(absl::StrCat(place_.size == 2 ? Name(1) : "another rank",
                                               " died or does not answer", kGoesOn));
  }
  return status;
}

absl::Status StageRanks::EndOfOther(const absl::Status& status) {
  team_.reset();
  const absl::Status told = OrLost([&] {
    store_->Set(EndKey(rank()), absl::IsUnavailable(status) ? kLost : StatusText(status));
    return absl::OkStatus();
  });
  // Does rank 0 live to say it? It may hang as well.
  const absl::Status left = OrLost([&] {
    CASSLE_RETURN_IF_ERROR(told);
    const bool has_words = !status.ok() && !absl::IsCancelled(status);
    if (has_words) WaitForKey(store_, kTeamEnded, kRollCall);
    store_->Set(ByeKey(rank()), kBye);
    return absl::OkStatus();
  });
  if (status.ok() || absl::IsCancelled(status)) return Silent(status);
  if (left.ok()) return Silent(status);
  if (!absl::IsUnavailable(status)) return status;
  return absl::UnavailableError(absl::StrCat("rank ", rank(), " (host ", OwnHost(),
                                             "): rank 0 (host ", place_.host,
                                             ") has gone: ", left.message(), kGoesOn));
}

Team* TeamOf(const StageContext& context) {
  const auto* ranks = dynamic_cast<const StageRanks*>(context.team());
  return ranks == nullptr ? nullptr : ranks->team();
}

int LocalRankOf(const StageContext& context) {
  const auto* ranks = dynamic_cast<const StageRanks*>(context.team());
  return ranks == nullptr ? 0 : ranks->local_rank();
}

int ComputeThreads(int threads, const StageContext& context) {
  return context.team() == nullptr ? threads : std::max(1, threads / context.team()->local_size());
}

}  // namespace cassle
