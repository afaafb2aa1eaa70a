#include "cassle/eval/result/evaluation.h"

#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

absl::Status Check(const v1::Evaluation& evaluation) {
  absl::flat_hash_set<std::pair<std::string, std::string>> scores;
  absl::flat_hash_set<std::string> charts;
  for (const v1::Score& score : evaluation.scores()) {
    if (!std::isfinite(score.value())) {
      return absl::InternalError(
          absl::StrCat("the score \"", score.name(), "\" is not finite: ", score.value()));
    }
    if (!scores.emplace(score.name(), score.metric()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("the score \"", score.name(), "\" is asked for twice"));
    }
  }
  for (const v1::Chart& chart : evaluation.charts()) {
    if (!charts.insert(chart.name()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("the chart \"", chart.name(), "\" is asked for twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

v1::Evaluation DescribeEvaluation(const std::string& stage, const std::string& title,
                                  const Embeddings& embeddings) {
  v1::Evaluation evaluation;
  evaluation.set_stage(stage);
  evaluation.set_title(title);
  evaluation.set_encoder(embeddings.Metadata("provenance"));
  evaluation.set_weights_fingerprint(embeddings.Metadata("weights_fingerprint"));
  evaluation.set_preprocess_fingerprint(embeddings.Metadata("preprocess_fingerprint"));
  evaluation.set_num_features(embeddings.columns());
  return evaluation;
}

void AddEvaluatedSet(const std::string& role, const Embeddings& embeddings, int64_t rows,
                     v1::Evaluation* evaluation) {
  v1::EvaluatedSet* set = evaluation->add_sets();
  set->set_role(role);
  set->set_split(embeddings.Metadata("split"));
  set->set_dataset_fingerprint(embeddings.Metadata("dataset_fingerprint"));
  set->set_num_rows(rows);
}

v1::Score* AddAccuracy(const std::string& name, double value, int64_t num_test,
                       v1::Evaluation* evaluation) {
  v1::Score* score = evaluation->add_scores();
  score->set_name(name);
  score->set_value(value);
  score->set_is_fraction(true);
  score->set_better(v1::Score::HIGHER);
  score->set_num_test(num_test);
  return score;
}

absl::Status WriteEvaluation(const v1::Evaluation& evaluation, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(Check(evaluation));
  for (const std::string& warning : evaluation.warnings()) context.NoteWarning(warning);
  const std::string& dir = context.output_dir();
  if (!dir.empty()) {
    CASSLE_ASSIGN_OR_RETURN(const std::string json, ToJson(evaluation));
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, "result.json"), absl::StrCat(json, "\n")));
    CASSLE_RETURN_IF_ERROR(
        WriteFile(JoinPath(dir, "result.textproto"), PrintTextProto(evaluation)));
  }
  return context.SetResult(evaluation);
}

}  // namespace cassle
