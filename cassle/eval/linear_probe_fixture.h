// For tests of the stage linear-probe.
#ifndef CASSLE_EVAL_LINEAR_PROBE_FIXTURE_H_
#define CASSLE_EVAL_LINEAR_PROBE_FIXTURE_H_

#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/stage_main.h"
#include "cassle/base/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/embeddings_fixture.h"
#include "cassle/eval/linear_probe_result.pb.h"
#include "cassle/eval/linear_probe_stage.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {

// Two small sets of clusters in a folder of the test's own, and a run of the stage over them.
class LinearProbeFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(MakeDirectories(root_));
    train_ = EmbeddingsFixture::Clusters(120, 7, 0, 1);
    test_ = EmbeddingsFixture::Clusters(60, 7, 1000, 2);
    test_.metadata["split"] = "test";
    options_.set_train(Path("train"));
    options_.set_test(Path("test"));
    options_.set_output(Path("probe"));
    settings_.omit_costs = true;
    settings_.force = true;
  }

  std::string Path(const std::string& name) const { return JoinPath(root_, name); }

  absl::Status Run() {
    absl::Status status = train_.Write(Path("train"));
    if (status.ok()) status = test_.Write(Path("test"));
    if (!status.ok()) return status;
    const auto outcome = RunStage(kLinearProbeInfo, options_, settings_, RunLinearProbe);
    if (!outcome.ok()) return outcome.status();
    fingerprint_ = outcome->manifest.fingerprint();
    json_ = outcome->manifest.result_json();
    result_.Clear();
    return ReadTextProto(Path("probe/result.textproto"), &result_);
  }

  // The stage must fail with this exit code and these words.
  void ExpectFailure(int exit_code, const std::vector<std::string>& words) {
    const absl::Status status = Run();
    EXPECT_EQ(ExitCode(status), exit_code) << status;
    for (const std::string& word : words) {
      EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(word));
    }
    EXPECT_FALSE(FileExists(Path("probe")));
  }

  std::string root_;
  EmbeddingsFixture train_, test_;
  v1::LinearProbeOptions options_;
  StageSettings settings_;
  v1::LinearProbeResult result_;
  std::string fingerprint_, json_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_LINEAR_PROBE_FIXTURE_H_
