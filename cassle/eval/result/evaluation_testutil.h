// Runs stages of evaluation in tests and reads their results back; over embeddings with one scratch
// folder, and clusters as train and test embeddings.
#ifndef CASSLE_EVAL_RESULT_EVALUATION_TESTUTIL_H_
#define CASSLE_EVAL_RESULT_EVALUATION_TESTUTIL_H_

#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/embeddings/embeddings_testutil.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/stage/stage.h"
#include "cassle/stage/stage_main.h"
#include "gmock/gmock.h"
#include "google/protobuf/message.h"
#include "gtest/gtest.h"

namespace cassle {

// Of a stage's output.
absl::StatusOr<v1::Evaluation> ReadEvaluation(const std::string& folder);

// Runs a stage whose result is an Evaluation, whether or not it is up to date.
template <class Options>
absl::StatusOr<v1::Evaluation> EvaluationOf(const StageInfo& info, const Options& options,
                                            absl::Status (*work)(const Options&, StageContext&),
                                            int threads) {
  const auto outcome =
      RunStage(info, options, {.threads = threads, .force = true, .omit_costs = true}, work);
  if (!outcome.ok()) return outcome.status();
  return ReadEvaluation(outcome->output);
}
// Fails the test, and is -1, if there is none of this name.
double ScoreOf(const v1::Evaluation& evaluation, const std::string& name);

// Stages write to Path("result").
class EmbeddingStageTest : public ::testing::Test {
 protected:
  void SetUp() override;

  std::string Path(const std::string& name) const;

  // Writes both fixtures to Path("train") and Path("test"), runs the stage, reads result.textproto.
  template <class Options>
  absl::Status RunOnEmbeddings(const StageInfo& info, const Options& options,
                               absl::Status (*work)(const Options&, StageContext&),
                               google::protobuf::Message* result) {
    absl::Status status = train_.Write(Path("train"));
    if (status.ok()) status = test_.Write(Path("test"));
    if (!status.ok()) return status;
    const auto outcome = RunStage(info, options, settings_, work);
    if (!outcome.ok()) return outcome.status();
    return ReadOutcome(*outcome, result);
  }

  // `status` must have this exit code and these words, and no output may be left.
  void ExpectFailure(const absl::Status& status, int exit_code,
                     const std::vector<std::string>& words) const;

  std::string root_;
  // 120 and 60 rows of EmbeddingsFixture::Clusters with 7 columns.
  EmbeddingsFixture train_, test_;
  StageSettings settings_;
  std::string fingerprint_;

 private:
  absl::Status ReadOutcome(const StageOutcome& outcome, google::protobuf::Message* result);
};

// For stages whose result is an Evaluation.
class EvaluationStageTest : public EmbeddingStageTest {
 protected:
  template <class Options>
  absl::Status RunEvaluation(const StageInfo& info, const Options& options,
                             absl::Status (*work)(const Options&, StageContext&)) {
    return RunOnEmbeddings(info, options, work, &result_);
  }

  double ScoreOf(const std::string& name) const { return cassle::ScoreOf(result_, name); }

  v1::Evaluation result_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_RESULT_EVALUATION_TESTUTIL_H_
