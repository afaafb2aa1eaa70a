#include "cassle/stage/process_flags.h"

#include <gflags/gflags.h>

#include <algorithm>

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
    {"log_dir", "PATH",
     "Also writes what is said on stderr to files in this folder, with severity and time."},
    {"log_prefix", "true|false", "Severity, time and place before each line on stderr."},
    {"minloglevel", "COUNT",
     "0: everything, 1: warnings and errors, 2: errors. Why a stage failed is always said."},
    {"v", "COUNT", "1 tells what the harness decides: options, fingerprints, where the time goes."},
};

}  // namespace

bool IsProcessFlag(const std::string& name) {
  return std::any_of(std::begin(kProcessFlags), std::end(kProcessFlags),
                     [&](const ProcessFlag& flag) { return name == flag.name; });
}

bool IsProcessSwitch(const std::string& name) {
  gflags::CommandLineFlagInfo info;
  return IsProcessFlag(name) && gflags::GetCommandLineFlagInfo(name.c_str(), &info) &&
         info.type == "bool";
}

std::vector<OptionHelp> DescribeCommandLine() {
  std::vector<OptionHelp> flags(4);
  flags[0].name = "config";
  flags[0].type = "PATH";
  flags[0].help = "Settings from a file in text format; flags override it.";
  flags[1].name = "set";
  flags[1].type = "FIELD.PATH=VALUE";
  flags[1].help = "One setting; the same as --FIELD.PATH=VALUE.";
  flags[2].name = "help";
  flags[2].type = "text|man|completion";
  flags[2].help = "This, also as a man page, or as the lines that completion is made of.";
  flags[2].default_value = "text";
  flags[3].name = "version";
  flags[3].type = "true|false";
  flags[3].help = "Version, and what the program was made with.";
  return flags;
}

std::vector<OptionHelp> DescribeProcessFlags() {
  std::vector<OptionHelp> flags;
  for (const ProcessFlag& process : kProcessFlags) {
    gflags::CommandLineFlagInfo info;
    if (!gflags::GetCommandLineFlagInfo(process.name, &info)) continue;
    OptionHelp flag;
    flag.name = process.name;
    flag.type = process.type;
    flag.help = process.help == nullptr ? info.description : process.help;
    flag.default_value = info.default_value;
    flags.push_back(std::move(flag));
  }
  return flags;
}

}  // namespace cassle
