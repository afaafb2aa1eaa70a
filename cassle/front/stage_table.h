// What `cassle` knows of the stages: the lines that each prints by --help=completion
// (cassle/stage/stage_help.h).
#ifndef CASSLE_FRONT_STAGE_TABLE_H_
#define CASSLE_FRONT_STAGE_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cassle {

struct StageFlag {
  // "optimizer.momentum"
  std::string name;
  // As --help shows it: "COUNT", "PATH,...", "sgd|lars", "true|false".
  std::string type;
  std::string help;
};

struct StageEntry {
  std::string name;
  // Where Bazel has its program, below cassle/: "ssl/pretrain".
  std::string program;
  std::string summary;
  std::vector<StageFlag> flags;
};

// Of the lines that a stage printed.
StageEntry ParseStageEntry(absl::string_view program, absl::string_view lines);

std::vector<std::string> StageNames(const std::vector<StageEntry>& stages);

// Null if there is none.
const StageEntry* FindStage(const std::vector<StageEntry>& stages, absl::string_view name);

}  // namespace cassle

#endif  // CASSLE_FRONT_STAGE_TABLE_H_
