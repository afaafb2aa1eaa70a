// Of a set in which some images have no label, every evaluation says what it says of the labelled
// ones alone.
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/eval/on_embeddings/few_shot_stage.h"
#include "cassle/eval/on_embeddings/knn_stage.h"
#include "cassle/eval/on_embeddings/linear_probe_stage.h"
#include "cassle/eval/on_embeddings/project_stage.h"
#include "cassle/eval/on_embeddings/regression_stage.h"
#include "cassle/eval/on_embeddings/sgd_probe_stage.h"
#include "cassle/eval/result/evaluation_testutil.h"

namespace cassle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::set<int64_t> kTrainRows = {1, 7, 8, 30, 119};
const std::set<int64_t> kTestRows = {0, 31, 59};

class PartlyLabelledTest : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    for (EmbeddingsFixture* set : {&train_, &test_}) {
      for (size_t i = 0; i < set->ids.size(); ++i) {
        for (int j : {0, 1}) {
          set->vectors["target.point"].push_back(set->features[7 * i + j] + 0.1f * (i % 5));
        }
      }
    }
  }

  void Unlabel(const std::string& name) {
    for (int64_t row : kTrainRows) train_.classes[name][row] = -1;
    for (int64_t row : kTestRows) test_.classes[name][row] = -1;
  }

  // `run` must give the same scores with rows that have no label as without these rows.
  template <class Run>
  void ExpectScoresOfTheLabelledRows(const Run& run) {
    const EmbeddingsFixture train = train_, test = test_;
    Unlabel("labels");
    for (int64_t row : kTrainRows) train_.vectors["target.point"][2 * row + 1] = std::nanf("");
    for (int64_t row : kTestRows) test_.vectors["target.point"][2 * row] = std::nanf("");
    ASSERT_OK(run());
    const v1::Evaluation partly = result_;
    train_ = train.Without(kTrainRows);
    test_ = test.Without(kTestRows);
    ASSERT_OK(run());
    ASSERT_GT(result_.scores_size(), 0);
    ASSERT_EQ(partly.scores_size(), result_.scores_size());
    for (int i = 0; i < result_.scores_size(); ++i) {
      EXPECT_EQ(partly.scores(i).DebugString(), result_.scores(i).DebugString());
    }
    for (int i = 0; i < result_.sets_size(); ++i) {
      EXPECT_EQ(partly.sets(i).num_rows(), result_.sets(i).num_rows());
    }
    EXPECT_EQ(result_.warnings_size(), 0);
    EXPECT_GT(partly.warnings_size(), 0);
    EXPECT_THAT(partly.warnings(), Contains(HasSubstr("are left out")));
    partly_ = partly;
  }

  template <class Options>
  Options OnSets() const {
    Options options;
    options.set_train(Path("train"));
    options.set_test(Path("test"));
    options.set_output(Path("result"));
    return options;
  }

  v1::Evaluation partly_;
};

TEST_F(PartlyLabelledTest, LinearProbeLearnsFromTheLabelledRows) {
  ExpectScoresOfTheLabelledRows([&] {
    return RunEvaluation(LinearProbeInfo(), OnSets<v1::LinearProbeOptions>(), RunLinearProbe);
  });
  EXPECT_THAT(partly_.warnings(),
              ElementsAre("5 of 120 rows of --train have no class of label and are left out",
                          "3 of 60 rows of --test have no class of label and are left out"));
}

TEST_F(PartlyLabelledTest, SgdProbeLearnsFromTheLabelledRows) {
  ExpectScoresOfTheLabelledRows(
      [&] { return RunEvaluation(SgdProbeInfo(), OnSets<v1::SgdProbeOptions>(), RunSgdProbe); });
}

TEST_F(PartlyLabelledTest, NeighboursAreLabelled) {
  ExpectScoresOfTheLabelledRows(
      [&] { return RunEvaluation(KnnInfo(), OnSets<v1::KnnOptions>(), RunKnn); });
}

TEST_F(PartlyLabelledTest, NeighboursOfOneSetAreLabelled) {
  v1::KnnOptions options = OnSets<v1::KnnOptions>();
  options.clear_test();
  ExpectScoresOfTheLabelledRows([&] { return RunEvaluation(KnnInfo(), options, RunKnn); });
}

TEST_F(PartlyLabelledTest, EpisodesAreDrawnFromTheLabelledRows) {
  v1::FewShotOptions options;
  options.set_embeddings(Path("train"));
  options.set_output(Path("result"));
  options.set_ways(3);
  options.set_episodes(20);
  ExpectScoresOfTheLabelledRows([&] {
    const absl::Status status = RunEvaluation(FewShotInfo(), options, RunFewShot);
    // All rows stand there, as what episodes are drawn from.
    result_.clear_sets();
    return status;
  });
}

TEST_F(PartlyLabelledTest, RegressionLearnsFromTheRowsThatHaveTheVector) {
  ExpectScoresOfTheLabelledRows([&] {
    return RunEvaluation(RegressionInfo(), OnSets<v1::RegressionOptions>(), RunRegression);
  });
  EXPECT_THAT(partly_.warnings(),
              ElementsAre("5 of 120 rows of --train have no vector of point and are left out",
                          "3 of 60 rows of --test have no vector of point and are left out"));
}

TEST_F(PartlyLabelledTest, AMapShowsRowsWithoutAClassAsSuch) {
  v1::ProjectOptions options;
  options.set_embeddings(Path("train"));
  options.set_output(Path("result"));
  options.set_method(v1::ProjectOptions::PCA);
  Unlabel("labels");
  ASSERT_OK(RunEvaluation(ProjectInfo(), options, RunProject));
  EXPECT_THAT(result_.warnings(),
              ElementsAre("5 of 120 rows of --embeddings have no class of label "
                          "and are shown as (no class)"));
  ASSERT_OK_AND_ASSIGN(const std::string svg, ReadFile(Path("result/project_label.svg")));
  EXPECT_THAT(svg, HasSubstr("(no class)"));
}

TEST_F(PartlyLabelledTest, ATargetIsJudgedByItsOwnRows) {
  v1::KnnOptions options = OnSets<v1::KnnOptions>();
  options.add_k(5);
  options.add_target("parity");
  ASSERT_OK(RunEvaluation(KnnInfo(), options, RunKnn));
  const double parity = ScoreOf("parity, k = 5, T = 0.07");
  Unlabel("labels");
  options.set_target(0, "label");
  options.add_target("parity");
  ASSERT_OK(RunEvaluation(KnnInfo(), options, RunKnn));
  EXPECT_EQ(ScoreOf("parity, k = 5, T = 0.07"), parity);
  // Two tables of neighbours, whose numbers are those of the whole sets' rows.
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/neighbors.safetensors")));
  EXPECT_THAT(file.names(),
              ElementsAre("queries", "rows", "rows.parity", "similarities", "similarities.parity"));
  EXPECT_THAT(file.Get("rows")->shape, ElementsAre(57, 5));
  EXPECT_EQ(file.Get("queries")->values<int64_t>()[0], 1);
  EXPECT_EQ(file.Get("queries")->values<int64_t>()[56], 58);
  const auto rows = file.Get("rows")->values<int64_t>();
  EXPECT_THAT(std::set<int64_t>(rows.begin(), rows.end()), Contains(118));
  for (int64_t row : rows) EXPECT_EQ(kTrainRows.count(row), 0);
}

TEST_F(PartlyLabelledTest, ListedRowsStayOnTheirSide) {
  Unlabel("labels");
  ASSERT_OK(WriteFile(Path("val.txt"), "7\n9\n10\n11\n"));
  v1::LinearProbeOptions options = OnSets<v1::LinearProbeOptions>();
  options.set_val_list(Path("val.txt"));
  ASSERT_OK(RunEvaluation(LinearProbeInfo(), options, RunLinearProbe));
  ASSERT_EQ(result_.sets_size(), 3);
  EXPECT_EQ(result_.sets(0).num_rows(), 112);
  EXPECT_EQ(result_.sets(1).num_rows(), 3);
  EXPECT_EQ(result_.sets(2).num_rows(), 57);
}

TEST_F(PartlyLabelledTest, ClassesWithoutImagesAreNotedAndDoNotChangeTheChanceLevel) {
  for (EmbeddingsFixture* set : {&train_, &test_}) {
    set->metadata["classes"] = "[\"a\",\"b\",\"c\",\"d\",\"e\"]";
    for (size_t i = 0; i < set->ids.size(); ++i) set->classes["labels"][i] = i % 2 == 0 ? 1 : 4;
  }
  const auto outcome = [&] {
    EXPECT_OK(train_.Write(Path("train")));
    EXPECT_OK(test_.Write(Path("test")));
    return RunStage(KnnInfo(), OnSets<v1::KnnOptions>(), settings_, RunKnn);
  }();
  ASSERT_OK(outcome);
  EXPECT_THAT(outcome->manifest.notes(),
              ElementsAre("label: 3 of 5 classes have no image: a, c, d"));
  ASSERT_OK(RunEvaluation(LinearProbeInfo(), OnSets<v1::LinearProbeOptions>(), RunLinearProbe));
  EXPECT_NEAR(result_.scores(0).chance(), 0.5, 1e-12);
  // Not a fifth: classes that are not there have no average.
  EXPECT_NEAR(result_.scores(1).chance(), 0.5, 1e-12);
}

}  // namespace
}  // namespace cassle
