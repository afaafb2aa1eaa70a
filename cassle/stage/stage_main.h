// main() of every stage: command line -> options message -> RunStage -> exit code. See stage.h.
#ifndef CASSLE_STAGE_STAGE_MAIN_H_
#define CASSLE_STAGE_STAGE_MAIN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/stage/stage.h"

namespace cassle {

// What the command line asks for besides the options.
struct CommandLine {
  // The form of --help that is asked for: "true" (--help alone), "man", ...; empty: none.
  std::string help;
  bool version = false;
  StageSettings settings;
};

// Parses arguments (without the program's name) into `options`: --config files first, then every
// other flag in order.
//   --FIELD=VALUE, --FIELD VALUE, --BOOL, --noBOOL, --A.B=VALUE, --set=A.B=VALUE;
//   harness flags; glog's flags.
// A setting that is given again overrides the one before; a path may be given once.
// \error kInvalidArgument naming the flag and the nearest valid one, or two paths; kNotFound for a
// --config file that is missing.
absl::Status ParseCommandLine(const std::vector<std::string>& arguments,
                              google::protobuf::Message* options, CommandLine* command_line);

// 0 done; 64 bad usage or config; 65 bad input data; 66 input missing; 71 out of memory; 73 cannot
// write; 75 interrupted, or a rank or a GPU was lost, but resumable; 70 anything else.
int ExitCode(const absl::Status& status);

// The result line for stdout: one JSON object.
std::string OutcomeJson(const StageOutcome& outcome);

// The line of a stage that failed after it had set a result (a check that found a difference).
std::string FailureJson(const std::string& stage, const std::string& result_json);

int StageMainWork(int argc, char** argv, const StageInfo& info, google::protobuf::Message* options,
                  const StageWork& work);

template <class Options>
int StageMain(int argc, char** argv, const StageInfo& info,
              absl::Status (*work)(const Options&, StageContext&)) {
  Options options;
  return StageMainWork(argc, argv, info, &options,
                       [work](const google::protobuf::Message& resolved, StageContext& context) {
                         return work(static_cast<const Options&>(resolved), context);
                       });
}

}  // namespace cassle

#endif  // CASSLE_STAGE_STAGE_MAIN_H_
