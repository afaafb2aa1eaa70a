#include "cassle/eval/on_embeddings/few_shot_stage.h"

#include <atomic>
#include <cmath>
#include <string>

#include "cassle/base/safetensors.h"
#include "cassle/eval/result/evaluation_testutil.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;

class FewShotStageTest : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    options_.set_embeddings(Path("train"));
    options_.set_output(Path("result"));
    options_.set_ways(3);
    options_.set_episodes(50);
  }
  absl::Status Run() { return RunEvaluation(FewShotInfo(), options_, RunFewShot); }

  v1::FewShotOptions options_;
};

TEST_F(FewShotStageTest, WarnsOfFeaturesThatAreAllTheSame) {
  std::fill(train_.features.begin(), train_.features.end(), 3.0f);
  ASSERT_OK(Run());
  EXPECT_THAT(result_.warnings(), ElementsAre("all images of --embeddings have the same features: "
                                              "the encoder has collapsed"));
}

TEST_F(FewShotStageTest, ReportsMeanAndIntervalOfTheEpisodesItWrites) {
  ASSERT_OK(Run());
  ASSERT_EQ(result_.scores_size(), 2);
  EXPECT_GT(ScoreOf("label, 3-way 5-shot"), ScoreOf("label, 3-way 1-shot"));
  EXPECT_GT(ScoreOf("label, 3-way 5-shot"), 0.8);
  const v1::Score& score = result_.scores(1);
  EXPECT_NEAR(score.chance(), 1.0 / 3, 1e-12);
  EXPECT_EQ(score.num_test(), 50);
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/episodes.safetensors")));
  EXPECT_THAT(file.Get("rows.label.5")->shape, ElementsAre(50, 63));
  double sum = 0, squares = 0;
  for (double accuracy : file.Get("accuracy.label.5")->values<double>()) {
    sum += accuracy;
    squares += accuracy * accuracy;
  }
  EXPECT_NEAR(score.value(), sum / 50, 1e-12);
  EXPECT_NEAR(score.half_width(),
              1.96 * std::sqrt(squares / 50 - sum * sum / 2500) / std::sqrt(50.0), 1e-9);
  // Rows 21 w .. 21 w + 20 of an episode are of one class, and the fixture's classes are i % 3.
  const auto rows = file.Get("rows.label.5")->values<int64_t>();
  for (int i = 0; i < 63; ++i) EXPECT_EQ(rows[i] % 3, rows[i / 21 * 21] % 3);
}

TEST_F(FewShotStageTest, ThreadsChangeNoByteAndTheSeedDoes) {
  ASSERT_OK(Run());
  const std::string before = fingerprint_;
  settings_.threads = 3;
  ASSERT_OK(Run());
  EXPECT_EQ(fingerprint_, before);
  options_.set_seed(1);
  ASSERT_OK(Run());
  EXPECT_NE(fingerprint_, before);
}

TEST_F(FewShotStageTest, SeveralTargetsAndTheirChance) {
  options_.add_target("all");
  options_.set_ways(2);
  options_.add_shots(3);
  ASSERT_OK(Run());
  ASSERT_EQ(result_.scores_size(), 2);
  // The features do not show parity.
  EXPECT_NEAR(ScoreOf("parity, 2-way 3-shot"), 0.5, 0.06);
  EXPECT_GT(ScoreOf("label, 2-way 3-shot"), 0.85);
}

TEST_F(FewShotStageTest, RefusesFewerClassesThanWays) {
  options_.set_ways(4);
  ExpectFailure(Run(), 65, {"'label'", "images of 3 classes", "--ways=4"});
  for (int64_t& label : train_.classes["labels"]) label = 1;
  options_.set_ways(2);
  ExpectFailure(Run(), 65, {"images of 1 classes", "--ways=2"});
}

TEST_F(FewShotStageTest, RefusesFewerExamplesThanShotsAndQueries) {
  options_.add_shots(25);
  ExpectFailure(Run(), 65, {"class a has 40 images", "--shots=25 and --queries=16 need 41"});
}

TEST_F(FewShotStageTest, RefusesFeaturesThatAreNotFiniteAndEmptySets) {
  train_.features[7] = INFINITY;
  ExpectFailure(Run(), 65, {"--embeddings", "features[1, 0]"});
  train_.features.clear();
  train_.ids.clear();
  train_.classes.clear();
  ExpectFailure(Run(), 65, {"--embeddings", "nothing to work on"});
}

TEST_F(FewShotStageTest, RefusesSeveralCropsPerImage) {
  train_.metadata["crops"] = "ten";
  ExpectFailure(Run(), 65, {"--embeddings has ten rows per image"});
}

TEST_F(FewShotStageTest, RefusesBadSettings) {
  options_.set_ways(1);
  ExpectFailure(Run(), 64, {"--ways=1"});
  options_.set_ways(3);
  options_.add_shots(0);
  ExpectFailure(Run(), 64, {"--shots=0"});
  options_.set_shots(0, 1);
  options_.add_shots(1);
  ExpectFailure(Run(), 64, {"--shots=1,1 names a number twice"});
  options_.clear_shots();
  options_.set_queries(0);
  ExpectFailure(Run(), 64, {"--queries=0"});
  options_.set_queries(3);
  options_.set_episodes(1);
  ExpectFailure(Run(), 64, {"--episodes=1"});
  options_.set_episodes(2);
  for (double c : {0.0, -1.0, std::nan("")}) {
    options_.set_c(c);
    ExpectFailure(Run(), 64, {"--c="});
  }
  options_.set_c(1);
  options_.clear_embeddings();
  ExpectFailure(Run(), 64, {"--embeddings is missing"});
}

TEST_F(FewShotStageTest, StopsWhenInterrupted) {
  const std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  ExpectFailure(Run(), 75, {"interrupted"});
}

}  // namespace
}  // namespace cassle
