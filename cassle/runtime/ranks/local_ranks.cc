#include "cassle/runtime/ranks/local_ranks.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cassle {
namespace {

constexpr char kThisProgram[] = "/proc/self/exe";

// For exec: pointers to strings that stay where they are.
std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  for (std::string& string : *strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// As this process was started.
std::vector<std::string> OwnArguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!text.empty()) text.pop_back();
  return absl::StrSplit(text, '\0');
}

std::vector<std::string> EnvironmentWith(const std::vector<std::string>& settings) {
  std::vector<std::string> environment = settings;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    bool replaced = absl::StartsWith(*entry, "TORCHELASTIC_");
    for (const std::string& setting : settings) {
      replaced |= absl::StartsWith(*entry, setting.substr(0, setting.find('=') + 1));
    }
    if (!replaced) environment.push_back(*entry);
  }
  return environment;
}

// In the child, between fork and exec: what may be called there.
[[noreturn]] void BecomeRank(pid_t parent, char* const* arguments, char* const* environment) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(71);
  const int nothing = open("/dev/null", O_RDWR);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0) {
    _exit(71);
  }
  execve(kThisProgram, arguments, environment);
  _exit(71);
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) {
    return absl::StrCat("was ended by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)),
                        ")");
  }
  return WEXITSTATUS(status) == 0 ? "" : absl::StrCat("ended with exit code ", WEXITSTATUS(status));
}

}  // namespace

LocalRanks::~LocalRanks() {
  for (const auto& [rank, pid] : running_) kill(pid, SIGKILL);
  for (const auto& [rank, pid] : running_) waitpid(pid, nullptr, 0);
}

absl::Status LocalRanks::Start(int size, const std::string& host, int port) {
  std::vector<std::string> arguments = OwnArguments();
  const std::vector<char*> argv = Pointers(&arguments);
  const pid_t own = getpid();
  for (int rank = 1; rank < size; ++rank) {
    std::vector<std::string> environment =
        EnvironmentWith({absl::StrCat("RANK=", rank), absl::StrCat("WORLD_SIZE=", size),
                         absl::StrCat("LOCAL_RANK=", rank), absl::StrCat("LOCAL_WORLD_SIZE=", size),
                         absl::StrCat("MASTER_ADDR=", host), absl::StrCat("MASTER_PORT=", port)});
    const std::vector<char*> envp = Pointers(&environment);
    const pid_t pid = fork();
    if (pid == 0) BecomeRank(own, argv.data(), envp.data());
    if (pid < 0) {
      return absl::AbortedError(
          absl::StrCat("the system refuses to start rank ", rank, ": ", strerror(errno)));
    }
    running_[rank] = pid;
  }
  return absl::OkStatus();
}

std::string LocalRanks::Death(int rank) {
  const auto running = running_.find(rank);
  int status = 0;
  if (running != running_.end() && waitpid(running->second, &status, WNOHANG) > 0) {
    running_.erase(running);
    deaths_[rank] = HowItEnded(status);
  }
  const auto death = deaths_.find(rank);
  return death == deaths_.end() ? "" : death->second;
}

}  // namespace cassle
