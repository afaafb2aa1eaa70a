#include "cassle/eval/on_embeddings/sgd_probe_stage.h"

#include <algorithm>
#include <string>
#include <vector>

#include "cassle/eval/result/evaluation_testutil.h"
#include "cassle/probes/sgd_probe.h"

namespace cassle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SgdProbeStageTest : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    options_.set_train(Path("train"));
    options_.set_test(Path("test"));
    options_.set_output(Path("result"));
    options_.set_learning_rate(0.5);
    options_.set_epochs(20);
    options_.set_batch_size(32);
  }

  absl::Status Run() { return RunEvaluation(SgdProbeInfo(), options_, RunSgdProbe); }

  v1::SgdProbeOptions options_;
};

TEST_F(SgdProbeStageTest, LearnsWhatTheFeaturesShow) {
  options_.add_target("all");
  ASSERT_OK(Run());
  EXPECT_GT(ScoreOf("label"), 0.9);
  EXPECT_GT(ScoreOf("label, class average"), 0.9);
  // The features do not show it.
  EXPECT_LT(ScoreOf("parity"), 0.75);
  ASSERT_EQ(result_.charts_size(), 2);
  const v1::ChartLine& line = result_.charts(0).series(0);
  ASSERT_EQ(line.y_size(), 20);
  EXPECT_EQ(line.y(19), 100 * ScoreOf("label"));
}

TEST_F(SgdProbeStageTest, ReportsTheLastEpochUnlessToldOtherwise) {
  options_.add_target("parity");
  ASSERT_OK(Run());
  const auto& curve = result_.charts(0).series(0).y();
  EXPECT_EQ(100 * ScoreOf("parity"), curve[19]);
  const double best = *std::max_element(curve.begin(), curve.end());
  ASSERT_GT(best, curve[19]);
  options_.set_epoch(v1::SgdProbeOptions::BEST_TEST);
  ASSERT_OK(Run());
  EXPECT_EQ(100 * ScoreOf("parity"), best);
  EXPECT_THAT(result_.warnings(), Contains(HasSubstr("chosen by the test set")));
}

TEST(SgdProbeRateTest, FallsNoSoonerThanAfterSixAndEightTenths) {
  const auto rates = [](int epochs) {
    SgdProbeSettings settings;
    settings.learning_rate = 100;
    settings.epochs = epochs;
    std::vector<double> found;
    for (int epoch = 0; epoch < epochs; ++epoch) found.push_back(SgdProbeRate(settings, epoch));
    return found;
  };
  EXPECT_THAT(rates(1), ElementsAre(100));
  EXPECT_THAT(rates(2), ElementsAre(100, 100));
  EXPECT_THAT(rates(4), ElementsAre(100, 100, 100, 10));
  EXPECT_THAT(rates(10), ElementsAre(100, 100, 100, 100, 100, 100, 10, 10, 1, 1));
}

TEST_F(SgdProbeStageTest, ASeedIsAnOrderAndThreadsChangeNoByte) {
  ASSERT_OK(Run());
  const std::string once = fingerprint_;
  settings_.threads = 2;
  settings_.force = true;
  ASSERT_OK(Run());
  EXPECT_EQ(fingerprint_, once);
  options_.set_seed(1);
  ASSERT_OK(Run());
  EXPECT_NE(fingerprint_, once);
}

TEST_F(SgdProbeStageTest, NamesWhatIsWrong) {
  options_.set_momentum(1);
  ExpectFailure(Run(), 64, {"--momentum=1: expected at least 0 and below 1"});
  options_.set_momentum(0.9);
  options_.set_test("");
  ExpectFailure(Run(), 64, {"--test is missing"});
  options_.set_test(Path("test"));
  options_.set_learning_rate(0);
  ExpectFailure(Run(), 64, {"--learning_rate=0"});
  options_.set_learning_rate(1e29);
  for (float& value : train_.features) value *= 1e15f;
  ExpectFailure(Run(), 65, {"training diverged in epoch 1", "--learning_rate"});
  options_.set_learning_rate(0.5);
  std::fill(train_.classes["labels"].begin(), train_.classes["labels"].end(), 1);
  ExpectFailure(Run(), 65, {"label", "class"});
}

}  // namespace
}  // namespace cassle
