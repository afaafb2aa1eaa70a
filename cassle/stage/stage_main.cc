#include "cassle/stage/stage_main.h"

#include <gflags/gflags.h>
#include <glog/logging.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/base/thread_pool.h"
#include "cassle/base/vector_kernels.h"
#include "cassle/stage/options.h"
#include "cassle/stage/result_table.h"
#include "cassle/stage/stage_log.h"

DEFINE_int32(
    threads, 0,
    "Threads that read, decode and augment; 0: one per processor. Never changes the output.");
DEFINE_bool(force, false,
            "Run even if the output is up to date; replace one that was made differently.");
DEFINE_bool(
    omit_costs, false,
    "Leave seconds and memory out of stage.textproto, so that equal work gives equal bytes.");

DEFINE_bool(json, false,
            "The result as one line of JSON also on a terminal, which else gets a short table.");

namespace cassle {
namespace {

// A gflag that a stage accepts: its own harness's and the useful ones of glog.
struct ProcessFlag {
  const char* name;
  const char* type;
  // Null: gflags' own description.
  const char* help;
};
constexpr ProcessFlag kProcessFlags[] = {
    {"threads", "COUNT", nullptr},
    {"force", "true|false", nullptr},
    {"omit_costs", "true|false", nullptr},
    {"json", "true|false", nullptr},
    {"log_dir", "FOLDER",
     "Also writes what is said on stderr to files in this folder, with severity and time."},
    {"log_prefix", "true|false", "Severity, time and place before each line on stderr."},
    {"minloglevel", "COUNT",
     "0: everything, 1: warnings and errors, 2: errors. Why a stage failed is always said."},
    {"v", "COUNT", "1 tells what the harness decides: options, fingerprints, where the time goes."},
};

std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void HandleSignal(int) { g_interrupted = true; }

// The first signal asks the stage to stop; a second one, after the default action is restored, ends
// it.
void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = HandleSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // Of a terminal that is closed. nohup ignores it, and so it stays.
  struct sigaction before = {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
  // A reader that went away shows as a write error, not as a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  // So does a limit on file sizes (ulimit -f).
  std::signal(SIGXFSZ, SIG_IGN);
}

// With the flags as they are now.
absl::Status StartLog() {
  const bool prefix = FLAGS_log_prefix;
  FLAGS_log_prefix = true;
  // Why a stage failed is never kept back.
  // Lines are rare, and the last ones before a death the most wanted.
  FLAGS_logbuflevel = -1;
  FLAGS_minloglevel = std::min<int>(FLAGS_minloglevel, google::GLOG_ERROR);
  return StartStageLog({FLAGS_log_dir, prefix});
}

bool IsProcessFlag(const std::string& name) {
  return std::any_of(std::begin(kProcessFlags), std::end(kProcessFlags),
                     [&](const ProcessFlag& flag) { return name == flag.name; });
}

bool IsBoolFlag(const google::protobuf::Message& options, const std::string& name) {
  if (const auto* field = FindField(*options.GetDescriptor(), name)) {
    return field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_BOOL &&
           !field->is_repeated();
  }
  gflags::CommandLineFlagInfo info;
  return IsProcessFlag(name) && gflags::GetCommandLineFlagInfo(name.c_str(), &info) &&
         info.type == "bool";
}

bool IsKnown(const google::protobuf::Message& options, const std::string& name) {
  return name == "config" || name == "set" || name == "help" || IsProcessFlag(name) ||
         FindField(*options.GetDescriptor(), name) != nullptr;
}

absl::Status UnknownFlag(const google::protobuf::Message& options, const std::string& name) {
  std::vector<std::string> candidates = FieldPaths(*options.GetDescriptor());
  for (const ProcessFlag& flag : kProcessFlags) candidates.push_back(flag.name);
  candidates.insert(candidates.end(), {"config", "set", "help"});
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
        IsBoolFlag(options, std::string(without))) {
      return Flag{std::string(without), "false"};
    }
    return UnknownFlag(options, flag.name);
  }
  if (equals != absl::string_view::npos) {
    flag.value = std::string(text.substr(equals + 1));
  } else if (flag.name == "help" || IsBoolFlag(options, flag.name)) {
    flag.value = "true";
  } else if (*position < arguments.size()) {
    flag.value = arguments[(*position)++];
  } else {
    return absl::InvalidArgumentError(absl::StrCat("--", flag.name, " needs a value"));
  }
  return flag;
}

std::string HelpText(const StageInfo& info, const google::protobuf::Message& options) {
  std::string text = absl::StrCat(
      info.name, ": ", info.summary, "\n\nSettings (also in a --config file, in text format):\n",
      OptionsHelp(*options.GetDescriptor()), info.more_help ? "\n" + info.more_help() : "",
      "\nEvery stage:\n"
      "  --config=FILE.textproto\n      Settings from a file; flags override it.\n"
      "  --set=FIELD.PATH=VALUE\n      One setting; the same as --FIELD.PATH=VALUE.\n");
  for (const ProcessFlag& process : kProcessFlags) {
    gflags::CommandLineFlagInfo flag;
    if (!gflags::GetCommandLineFlagInfo(process.name, &flag)) continue;
    absl::StrAppend(&text, "  --", process.name, "=", process.type, "\n      ",
                    process.help == nullptr ? flag.description : process.help, "\n");
    if (!flag.default_value.empty()) {
      absl::StrAppend(&text, "      Default: ", flag.default_value, "\n");
    }
  }
  absl::StrAppend(
      &text,
      "\nExit codes: 0 done, 64 bad usage or config, 65 bad input data, 66 input missing,\n"
      "73 cannot write, 75 interrupted, or a rank or GPU was lost (run it again to go on), 70 "
      "internal error.\n");
  return text;
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
      command_line->help = true;
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
  if (command_line.help) {
    std::fputs(HelpText(info, *options).c_str(), stdout);
    return 0;
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
      std::printf("%s\n", FailureJson(info.name, result).c_str());
    }
    return fail(outcome.status());
  }
  // A stage that streams records, or prints text, has stdout to itself.
  if (!outcome->output.empty() || (!has_output && !result.empty())) {
    const bool table = isatty(STDOUT_FILENO) == 1 && !FLAGS_json;
    std::printf("%s", table ? OutcomeTable(*outcome).c_str()
                            : absl::StrCat(OutcomeJson(*outcome), "\n").c_str());
    if (std::fflush(stdout) != 0) {
      return fail(absl::ResourceExhaustedError("cannot write the result to standard output"));
    }
  }
  return 0;
}

}  // namespace cassle
