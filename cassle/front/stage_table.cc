#include "cassle/front/stage_table.h"

#include <algorithm>

#include "absl/strings/str_split.h"

namespace cassle {

StageEntry ParseStageEntry(absl::string_view program, absl::string_view lines) {
  StageEntry entry;
  entry.program = std::string(program);
  for (absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    if (entry.name.empty()) {
      entry.name = fields[0];
      entry.summary = fields.back();
    } else if (fields.size() == 3) {
      entry.flags.push_back({fields[0], fields[1], fields[2]});
    }
  }
  return entry;
}

std::vector<std::string> StageNames(const std::vector<StageEntry>& stages) {
  std::vector<std::string> names;
  for (const StageEntry& stage : stages) names.push_back(stage.name);
  return names;
}

const StageEntry* FindStage(const std::vector<StageEntry>& stages, absl::string_view name) {
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const StageEntry& stage) { return stage.name == name; });
  return found == stages.end() ? nullptr : &*found;
}

}  // namespace cassle
