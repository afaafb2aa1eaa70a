// `cassle STAGE --FLAG=VALUE ...`: one command for all stages, which are programs of their own
// beside it in a bundle (tools/bundle.sh) and below it where Bazel has built them.
#ifndef CASSLE_FRONT_FRONT_H_
#define CASSLE_FRONT_FRONT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/front/stage_table.h"

namespace cassle {

// What `cassle` alone says: how it is used, and the stages with what they do.
std::string FrontHelp(const std::vector<StageEntry>& stages);

// cassle(1).
std::string FrontManPage(const std::vector<StageEntry>& stages);

// What a command line asks for.
struct FrontCommand {
  // Printed, if no program is run.
  std::string text;
  // A program, and its arguments from its own name on; empty: none.
  std::string program;
  std::vector<std::string> arguments;
};

// Reads a command line (without the name `cassle`) in the folder that holds `cassle`.
// \error kInvalidArgument for what is no stage, with the nearest; kNotFound if its program is not
// where it should be.
absl::StatusOr<FrontCommand> ReadFrontCommand(const std::vector<StageEntry>& stages,
                                              const std::string& folder,
                                              const std::vector<std::string>& arguments);

}  // namespace cassle

#endif  // CASSLE_FRONT_FRONT_H_
