// `cassle` (cassle/front/front.h) with what is known of the stages built in.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cassle/base/build_facts.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/vector_kernels.h"
#include "cassle/front/front.h"

namespace cassle {
namespace {

struct BuiltIn {
  const char* program;
  const char* lines;
};
constexpr BuiltIn kBuiltIn[] = {
#include "cassle/stage_tables.inc"
};

// By name.
std::vector<StageEntry> BuiltInStages() {
  std::vector<StageEntry> stages;
  for (const BuiltIn& stage : kBuiltIn) {
    stages.push_back(ParseStageEntry(stage.program, stage.lines));
  }
  std::sort(stages.begin(), stages.end(),
            [](const StageEntry& a, const StageEntry& b) { return a.name < b.name; });
  return stages;
}

int Fail(const std::string& message, int code) {
  std::fprintf(stderr, "cassle: %s\n", OneLine(message).c_str());
  return code;
}

int Main(const std::vector<std::string>& arguments) {
  LimitVectorKernels();
  absl::StatusOr<FrontCommand> command =
      ReadFrontCommand(BuiltInStages(), ProgramFolder(), arguments);
  if (!command.ok()) {
    return Fail(std::string(command.status().message()),
                command.status().code() == absl::StatusCode::kNotFound ? 66 : 64);
  }
  if (command->program.empty()) {
    const bool written = std::fputs(command->text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return written ? 0 : Fail("cannot write to standard output", 73);
  }
  std::vector<char*> words;
  for (std::string& argument : command->arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  execv(command->program.c_str(), words.data());
  return Fail("cannot run " + command->program + ": " + std::strerror(errno), 71);
}

}  // namespace
}  // namespace cassle

int main(int argc, char** argv) { return cassle::Main({argv + 1, argv + argc}); }
