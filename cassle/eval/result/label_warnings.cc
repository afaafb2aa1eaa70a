#include "cassle/eval/result/label_warnings.h"

#include <string>

#include "cassle/base/status_macros.h"
#include "cassle/eval/embeddings/equal_images.h"

namespace cassle {

absl::Status AddLabelWarnings(const TrainAndTest& sets, const std::vector<LearntTarget>& targets,
                              v1::Evaluation* evaluation, StageContext* context) {
  std::vector<std::string> names;
  for (const LearntTarget& target : targets) names.push_back(target.name);
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> equal,
                          EqualImageWarnings(*sets.train, sets.test_or_null(), names));
  for (const std::string& warning : equal) evaluation->add_warnings(warning);
  const std::string collapsed = CollapsedSentence(*sets.train);
  if (!collapsed.empty()) evaluation->add_warnings(collapsed);
  for (const LearntTarget& target : targets) {
    for (const std::string& warning : target.warnings) evaluation->add_warnings(warning);
    for (const std::string& note : target.notes) context->Note(note);
  }
  return absl::OkStatus();
}

}  // namespace cassle
