#include "cassle/eval/result/evaluation_testutil.h"

#include "cassle/base/file.h"
#include "cassle/base/text_proto.h"

namespace cassle {

absl::StatusOr<v1::Evaluation> ReadEvaluation(const std::string& folder) {
  v1::Evaluation evaluation;
  CASSLE_RETURN_IF_ERROR(ReadTextProto(JoinPath(folder, "result.textproto"), &evaluation));
  return evaluation;
}

double ScoreOf(const v1::Evaluation& evaluation, const std::string& name) {
  for (const v1::Score& score : evaluation.scores()) {
    if (score.name() == name) return score.value();
  }
  ADD_FAILURE() << "no score " << name << " in " << evaluation.DebugString();
  return -1;
}

void EmbeddingStageTest::SetUp() {
  root_ = JoinPath(::testing::TempDir(),
                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
  ASSERT_OK(RemoveAll(root_));
  ASSERT_OK(MakeDirectories(root_));
  train_ = EmbeddingsFixture::Clusters(120, 7, 0, 1);
  test_ = EmbeddingsFixture::Clusters(60, 7, 1000, 2);
  test_.metadata["split"] = "test";
  settings_.omit_costs = true;
  settings_.force = true;
}

std::string EmbeddingStageTest::Path(const std::string& name) const {
  return JoinPath(root_, name);
}

absl::Status EmbeddingStageTest::ReadOutcome(const StageOutcome& outcome,
                                             google::protobuf::Message* result) {
  fingerprint_ = outcome.manifest.fingerprint();
  result->Clear();
  CASSLE_RETURN_IF_ERROR(ReadTextProto(JoinPath(outcome.output, "result.textproto"), result));
  // stdout and result.json are the same line.
  CASSLE_ASSIGN_OR_RETURN(const std::string json,
                          ReadFile(JoinPath(outcome.output, "result.json")));
  EXPECT_EQ(json, outcome.manifest.result_json() + "\n");
  return absl::OkStatus();
}

void EmbeddingStageTest::ExpectFailure(const absl::Status& status, int exit_code,
                                       const std::vector<std::string>& words) const {
  EXPECT_EQ(ExitCode(status), exit_code) << status;
  for (const std::string& word : words) {
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(word));
  }
  EXPECT_FALSE(FileExists(Path("result")));
}

}  // namespace cassle
