// For tests of the stage linear-probe.
#ifndef CASSLE_EVAL_LINEAR_PROBE_FIXTURE_H_
#define CASSLE_EVAL_LINEAR_PROBE_FIXTURE_H_

#include <string>
#include <vector>

#include "cassle/eval/evaluation_fixture.h"
#include "cassle/eval/linear_probe_result.pb.h"
#include "cassle/eval/linear_probe_stage.h"

namespace cassle {

class LinearProbeFixture : public EmbeddingStageTest {
 protected:
  void SetUp() override {
    EmbeddingStageTest::SetUp();
    options_.set_train(Path("train"));
    options_.set_test(Path("test"));
    options_.set_output(Path("result"));
  }

  absl::Status Run() {
    return RunOnEmbeddings(kLinearProbeInfo, options_, RunLinearProbe, &result_);
  }

  void ExpectFailure(int exit_code, const std::vector<std::string>& words) {
    EmbeddingStageTest::ExpectFailure(Run(), exit_code, words);
  }

  v1::LinearProbeOptions options_;
  v1::LinearProbeResult result_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_LINEAR_PROBE_FIXTURE_H_
