#include "cassle/stage/stage_main.h"

#include <gflags/gflags.h>
#include <glog/logging.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/build_facts.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/base/thread_pool.h"
#include "cassle/base/vector_kernels.h"
#include "cassle/stage/moving_line.h"
#include "cassle/stage/option_help.h"
#include "cassle/stage/options.h"
#include "cassle/stage/process_flags.h"
#include "cassle/stage/result_table.h"
#include "cassle/stage/stage_help.h"
#include "cassle/stage/stage_log.h"

namespace cassle {
namespace {

std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void HandleSignal(int) { g_interrupted = true; }

// The first signal asks the stage to stop; a second one, after the default action is restored, ends
// it.
void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = HandleSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGTERM, &action, nullptr);
  // Of a terminal: Ctrl-C, and that it is closed. Who ignores them, a script's & and nohup, keeps
  // them from the stage.
  for (const int signal : {SIGINT, SIGHUP}) {
    struct sigaction before = {};
    sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
  // A reader that went away shows as a write error, not as a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  // So does a limit on file sizes (ulimit -f).
  std::signal(SIGXFSZ, SIG_IGN);
}

// With the flags as they are now.
absl::Status StartLog() {
  const bool prefix = FLAGS_log_prefix;
  FLAGS_log_prefix = true;
  // Lines are rare, and the last ones before a death the most wanted.
  FLAGS_logbuflevel = -1;
  // Why a stage failed is never kept back.
  FLAGS_minloglevel = std::min<int>(FLAGS_minloglevel, google::GLOG_ERROR);
  return StartStageLog({FLAGS_log_dir, prefix});
}

// --NAME alone means true.
bool IsSwitch(const google::protobuf::Message& options, const std::string& name) {
  if (const auto* field = FindField(*options.GetDescriptor(), name)) {
    return field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_BOOL &&
           !field->is_repeated();
  }
  return name == "help" || name == "version" || IsProcessSwitch(name);
}

bool IsKnown(const google::protobuf::Message& options, const std::string& name) {
  return name == "config" || name == "set" || name == "help" || name == "version" ||
         IsProcessFlag(name) || FindField(*options.GetDescriptor(), name) != nullptr;
}

std::vector<OptionHelp> DescribeFlags() {
  std::vector<OptionHelp> flags = DescribeCommandLine();
  for (OptionHelp& flag : DescribeProcessFlags()) flags.push_back(std::move(flag));
  return flags;
}

absl::Status UnknownFlag(const google::protobuf::Message& options, const std::string& name) {
  std::vector<std::string> candidates = FieldPaths(*options.GetDescriptor());
  for (const OptionHelp& flag : DescribeFlags()) candidates.push_back(flag.name);
  const std::string nearest = NearestWord(name, candidates);
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown flag --", name,
      nearest.empty() ? "; --help lists all" : absl::StrCat("; did you mean --", nearest, "?")));
}

struct Flag {
  std::string name;
  std::string value;
};

// Splits one argument (and, for "--name value", the next one) into name and value.
absl::StatusOr<Flag> ReadFlag(const google::protobuf::Message& options,
                              const std::vector<std::string>& arguments, size_t* position) {
  absl::string_view text = arguments[(*position)++];
  if (!absl::StartsWith(text, "-") || text == "-") {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument \"", text, "\": everything is a flag, see --help"));
  }
  absl::ConsumePrefix(&text, "-");
  absl::ConsumePrefix(&text, "-");
  Flag flag;
  const size_t equals = text.find('=');
  flag.name = std::string(text.substr(0, equals));
  if (flag.name == "h") flag.name = "help";
  if (!IsKnown(options, flag.name)) {
    absl::string_view without = flag.name;
    if (equals == absl::string_view::npos && absl::ConsumePrefix(&without, "no") &&
        IsSwitch(options, std::string(without))) {
      return Flag{std::string(without), "false"};
    }
    return UnknownFlag(options, flag.name);
  }
  if (equals != absl::string_view::npos) {
    flag.value = std::string(text.substr(equals + 1));
  } else if (IsSwitch(options, flag.name)) {
    flag.value = "true";
  } else if (*position < arguments.size()) {
    flag.value = arguments[(*position)++];
  } else {
    return absl::InvalidArgumentError(absl::StrCat("--", flag.name, " needs a value"));
  }
  return flag;
}

// Whether all of it was taken. Of what does not fit into its buffer nothing is left after an error,
// so that fflush alone would find none.
bool WriteToStdout(const std::string& text) {
  return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
}

// \error kInvalidArgument if there is no such form.
absl::StatusOr<std::string> HelpAs(const std::string& form, const StageInfo& info,
                                   const google::protobuf::Message& options) {
  const StageHelp help = {info.name, info.summary, DescribeOptions(*options.GetDescriptor()),
                          info.more_help ? info.more_help() : "", DescribeFlags()};
  if (form == "true" || form == "text") {
    const std::string text = HelpText(help);
    return isatty(STDOUT_FILENO) == 1 ? Folded(text, TerminalColumns(STDOUT_FILENO)) : text;
  }
  if (form == "man") return ManPage(help);
  if (form == "completion") return CompletionTable(help);
  return absl::InvalidArgumentError(
      absl::StrCat("--help=", form, ": expected one of text|man|completion"));
}

// A setting that is given again overrides the one before, as wrappers want it. A path that nobody
// reads or writes is a mistake.
absl::Status CheckPathOnce(const google::protobuf::Message& options, const std::string& name,
                           const std::string& value, std::map<std::string, std::string>* paths) {
  const auto* field = FindField(*options.GetDescriptor(), name);
  if (field == nullptr || field->is_repeated()) return absl::OkStatus();
  const v1::FieldRole role = field->options().GetExtension(v1::role);
  if (role == v1::SETTING || role == v1::TUNING) return absl::OkStatus();
  const auto [before, added] = paths->emplace(name, value);
  if (added) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", name, " is given twice, as ", before->second,
                                                 " and as ", value, ": it takes one path"));
}

}  // namespace

absl::Status ParseCommandLine(const std::vector<std::string>& arguments,
                              google::protobuf::Message* options, CommandLine* command_line) {
  std::vector<Flag> flags;
  for (size_t i = 0; i < arguments.size();) {
    CASSLE_ASSIGN_OR_RETURN(Flag flag, ReadFlag(*options, arguments, &i));
    flags.push_back(std::move(flag));
  }
  for (const Flag& flag : flags) {
    if (flag.name == "config") CASSLE_RETURN_IF_ERROR(ReadTextProto(flag.value, options));
  }
  OptionSetter setter(options);
  std::map<std::string, std::string> paths;
  for (const Flag& flag : flags) {
    if (flag.name == "config") continue;
    if (flag.name == "help") {
      command_line->help = flag.value;
    } else if (flag.name == "version") {
      command_line->version = flag.value != "false";
    } else if (flag.name == "set") {
      const size_t equals = flag.value.find('=');
      if (equals == std::string::npos) {
        return absl::InvalidArgumentError(
            absl::StrCat("--set=", flag.value, ": expected --set=FIELD.PATH=VALUE"));
      }
      const std::string name = flag.value.substr(0, equals);
      const std::string value = flag.value.substr(equals + 1);
      CASSLE_RETURN_IF_ERROR(CheckPathOnce(*options, name, value, &paths));
      CASSLE_RETURN_IF_ERROR(setter.Set(name, value));
    } else if (FindField(*options->GetDescriptor(), flag.name) != nullptr) {
      CASSLE_RETURN_IF_ERROR(CheckPathOnce(*options, flag.name, flag.value, &paths));
      CASSLE_RETURN_IF_ERROR(setter.Set(flag.name, flag.value));
    } else if (gflags::SetCommandLineOption(flag.name.c_str(), flag.value.c_str()).empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag.name, "=", flag.value, ": bad value"));
    }
  }
  constexpr int kMostThreads = 1024;
  if (FLAGS_threads < 0 || FLAGS_threads > kMostThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("--threads=", FLAGS_threads, ": expected 0 to ", kMostThreads));
  }
  command_line->settings.threads = FLAGS_threads == 0 ? AvailableProcessors() : FLAGS_threads;
  command_line->settings.force = FLAGS_force;
  command_line->settings.omit_costs = FLAGS_omit_costs;
  command_line->settings.interrupted = &g_interrupted;
  return absl::OkStatus();
}

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 64;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kFailedPrecondition:
      return 65;
    case absl::StatusCode::kNotFound:
      return 66;
    case absl::StatusCode::kAborted:
      return 71;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAlreadyExists:
      return 73;
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnavailable:
      return 75;
    default:
      return 70;
  }
}

std::string OutcomeJson(const StageOutcome& outcome) {
  // Ordered: the same outcome prints the same line.
  nlohmann::ordered_json line;
  line["stage"] = outcome.manifest.stage();
  line["status"] = outcome.up_to_date ? "up to date" : "done";
  if (!outcome.output.empty()) {
    line["output"] = outcome.output;
    line["fingerprint"] = outcome.manifest.fingerprint();
  }
  nlohmann::ordered_json counts = nlohmann::ordered_json::object();
  for (const v1::Count& count : outcome.manifest.counts()) counts[count.name()] = count.value();
  line["counts"] = counts;
  if (outcome.manifest.notes_size() > 0) {
    line["notes"] =
        std::vector<std::string>(outcome.manifest.notes().begin(), outcome.manifest.notes().end());
  }
  if (!outcome.manifest.result_json().empty()) {
    line["result"] = nlohmann::ordered_json::parse(outcome.manifest.result_json(), nullptr, false);
  }
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string FailureJson(const std::string& stage, const std::string& result_json) {
  nlohmann::ordered_json line;
  line["stage"] = stage;
  line["status"] = "failed";
  line["result"] = nlohmann::ordered_json::parse(result_json, nullptr, false);
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int StageMainWork(int argc, char** argv, const StageInfo& info, google::protobuf::Message* options,
                  const StageWork& work) {
  // What started itself again, through /proc/self/exe, is called "exe" where pkill and top look.
  prctl(PR_SET_NAME, info.name.c_str());
  // stage_log.h writes on stderr, not glog itself.
  FLAGS_stderrthreshold = google::NUM_SEVERITIES;
  // On stderr only if it is asked for; log files have it always.
  gflags::SetCommandLineOptionWithMode("log_prefix", "false", gflags::SET_FLAGS_DEFAULT);
  google::InitGoogleLogging(info.name.c_str());
  InstallSignalHandlers();
  LimitVectorKernels();
  const auto fail = [&](const absl::Status& status) {
    // Of several ranks, one says it.
    if (!status.message().empty()) LOG(ERROR) << info.name << ": " << OneLine(status.message());
    return ExitCode(status);
  };

  // Under `bazel run` relative paths mean the folder the user typed them in.
  const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
  const bool entered = folder == nullptr || chdir(folder) == 0;
  CommandLine command_line;
  const absl::Status parsed =
      ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc), options, &command_line);
  const absl::Status logging = StartLog();
  if (!entered) return fail(absl::NotFoundError(absl::StrCat("cannot enter ", folder)));
  if (!logging.ok()) return fail(logging);
  if (!parsed.ok()) return fail(parsed);
  if (!command_line.help.empty() || command_line.version) {
    const absl::StatusOr<std::string> text = command_line.version
                                                 ? BuildFacts(info.name, ProgramFolder())
                                                 : HelpAs(command_line.help, info, *options);
    if (!text.ok()) return fail(text.status());
    const bool written = WriteToStdout(*text);
    // Who reads no further (`--help | head`) has read enough.
    return written || errno == EPIPE
               ? 0
               : fail(absl::ResourceExhaustedError("cannot write to standard output"));
  }
  std::string result;
  const absl::StatusOr<StageOutcome> outcome = CatchOutOfMemory([&] {
    return RunStageWork(info, *options, command_line.settings,
                        [&](const google::protobuf::Message& resolved, StageContext& context) {
                          const absl::Status status = work(resolved, context);
                          result = context.result_json();
                          return status;
                        });
  });
  const bool has_output = options->GetDescriptor()->FindFieldByName("output") != nullptr;
  if (!outcome.ok()) {
    if (!has_output && !result.empty()) {
      // That it failed is said by more than this line.
      WriteToStdout(absl::StrCat(FailureJson(info.name, result), "\n"));
    }
    return fail(outcome.status());
  }
  // A stage that streams records, or prints text, has stdout to itself.
  if (!outcome->output.empty() || (!has_output && !result.empty())) {
    const bool table = isatty(STDOUT_FILENO) == 1 && !FLAGS_json;
    StageOutcome shown = *outcome;
    // The same people have read them just now.
    if (table && !outcome->up_to_date && isatty(STDERR_FILENO) == 1) shown.manifest.clear_notes();
    if (!WriteToStdout(table ? OutcomeTable(shown) : absl::StrCat(OutcomeJson(shown), "\n"))) {
      return fail(absl::ResourceExhaustedError("cannot write the result to standard output"));
    }
  }
  return 0;
}

}  // namespace cassle
