// For tests of the stage linear-probe.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_LINEAR_PROBE_TESTUTIL_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_LINEAR_PROBE_TESTUTIL_H_

#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/on_embeddings/linear_probe_stage.h"
#include "cassle/eval/result/evaluation_testutil.h"
#include "cassle/eval/result/linear_probe_result.pb.h"
#include "google/protobuf/util/json_util.h"

namespace cassle {

class LinearProbeFixture : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    options_.set_train(Path("train"));
    options_.set_test(Path("test"));
    options_.set_output(Path("result"));
  }

  // Leaves result_ and details_.
  absl::Status Run() {
    CASSLE_RETURN_IF_ERROR(RunEvaluation(LinearProbeInfo(), options_, RunLinearProbe));
    CASSLE_ASSIGN_OR_RETURN(const std::string json, ReadFile(Path("result/details.json")));
    details_.Clear();
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &details_).ok());
    return absl::OkStatus();
  }

  void ExpectFailure(int exit_code, const std::vector<std::string>& words) {
    EvaluationStageTest::ExpectFailure(Run(), exit_code, words);
  }

  v1::LinearProbeOptions options_;
  v1::LinearProbeResult details_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_LINEAR_PROBE_TESTUTIL_H_
