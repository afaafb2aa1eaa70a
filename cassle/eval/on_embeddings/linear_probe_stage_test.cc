#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/on_embeddings/linear_probe_testutil.h"
#include "cassle/eval/on_embeddings/unfinished_fits.h"
#include "cassle/probes/linear_probe.h"
#include "cassle/probes/splits/validation_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using LinearProbeStageTest = LinearProbeFixture;

TEST_F(LinearProbeStageTest, ReportsTheWholeGridAndTheTest) {
  options_.add_target("all");
  ASSERT_OK(Run());
  ASSERT_EQ(details_.targets_size(), 2);
  const v1::LinearProbeTarget& label = details_.targets(0);
  EXPECT_EQ(label.name(), "label");
  EXPECT_EQ(label.grid_size(), 45);
  EXPECT_NEAR(label.grid(0).w(), 1e-6, 1e-18);
  EXPECT_NEAR(label.grid(44).w(), 1e5, 1e-6);
  double best = -1, best_w = 0;
  for (const v1::LinearProbeGridPoint& point : label.grid()) {
    EXPECT_TRUE(point.fit().converged());
    if (point.val_accuracy() > best) {
      best = point.val_accuracy();
      best_w = point.w();
    }
  }
  EXPECT_EQ(label.best_w(), best_w);
  EXPECT_EQ(label.val_accuracy(), best);
  EXPECT_GT(label.test_top1(), 0.85);
  EXPECT_EQ(label.num_train(), 108);
  EXPECT_EQ(label.num_val(), 12);
  EXPECT_EQ(label.num_test(), 60);
  EXPECT_NEAR(label.chance_top1(), 1.0 / 3, 1e-12);
  EXPECT_NEAR(label.chance_class_avg(), 1.0 / 3, 1e-12);
  ASSERT_EQ(label.classes_size(), 3);
  int64_t right = 0;
  for (const v1::ClassAccuracy& entry : label.classes()) {
    right += entry.num_right();
    EXPECT_EQ(entry.num_test(), 20);
    EXPECT_EQ(entry.num_learnt(), 40);
  }
  EXPECT_EQ(label.classes(1).name(), "b");
  EXPECT_NEAR(label.test_top1(), right / 60.0, 1e-12);
  EXPECT_EQ(label.warnings_size(), 0);
  EXPECT_EQ(details_.targets(1).name(), "parity");
  // The features do not show it.
  EXPECT_LT(details_.targets(1).test_top1(), 0.75);
  EXPECT_EQ(result_.weights_fingerprint(), "wwww");
  EXPECT_EQ(result_.encoder(), "random");
  EXPECT_EQ(result_.num_features(), 7);
  ASSERT_EQ(result_.sets_size(), 3);
  EXPECT_EQ(result_.sets(2).split(), "test");
}

TEST_F(LinearProbeStageTest, TestImagesThatAreInValAreNamed) {
  ASSERT_OK(test_.Write(Path("val")));
  options_.set_val(Path("val"));
  ASSERT_OK(Run());
  EXPECT_THAT(result_.warnings(), Contains(HasSubstr("also in the val embeddings: 60")));
}

TEST_F(LinearProbeStageTest, ImagesThatAreLearntFromAndChooseAreWarnedOf) {
  ASSERT_OK(train_.Write(Path("val")));
  options_.set_val(Path("val"));
  ASSERT_OK(Run());
  EXPECT_THAT(result_.warnings(),
              ElementsAre("images of the val set that are also in the train embeddings: 120"));
}

TEST_F(LinearProbeStageTest, FeaturesThatAreAllTheSameAreWarnedOf) {
  for (size_t i = 7; i < train_.features.size(); ++i) train_.features[i] = train_.features[i - 7];
  ASSERT_OK(Run());
  EXPECT_THAT(result_.warnings(), ElementsAre("all images of --train have the same features: the "
                                              "encoder has collapsed"));
}

TEST_F(LinearProbeStageTest, TheEvaluationShowsTheDetails) {
  options_.add_target("all");
  ASSERT_OK(Run());
  EXPECT_EQ(result_.title(), "Linear probes");
  ASSERT_EQ(result_.scores_size(), 4);
  const v1::LinearProbeTarget& parity = details_.targets(1);
  const v1::Score &top1 = result_.scores(2), &average = result_.scores(3);
  EXPECT_EQ(top1.name(), "parity");
  EXPECT_EQ(top1.metric(), "top1");
  EXPECT_EQ(top1.value(), parity.test_top1());
  EXPECT_EQ(top1.chance(), parity.chance_top1());
  EXPECT_EQ(top1.num_test(), 60);
  EXPECT_EQ(average.name(), "parity");
  EXPECT_EQ(average.metric(), "class_avg");
  EXPECT_EQ(average.value(), parity.test_class_avg());
  ASSERT_EQ(result_.charts_size(), 4);
  const v1::ChartLine& grid = result_.charts(2).series(0);
  ASSERT_EQ(grid.x_size(), 45);
  EXPECT_EQ(grid.x(grid.marked()), parity.best_w());
  EXPECT_EQ(grid.y(grid.marked()), 100 * parity.val_accuracy());
  const v1::Chart& classes = result_.charts(3);
  ASSERT_EQ(classes.x().categories_size(), 2);
  EXPECT_EQ(classes.series(0).y(1),
            100.0 * parity.classes(1).num_right() / parity.classes(1).num_test());
}

TEST_F(LinearProbeStageTest, TheSavedClassifierMakesTheSavedPredictions) {
  ASSERT_OK(Run());
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/classifier.safetensors")));
  const auto weight = file.Get("weight.label")->values<float>();
  const auto bias = file.Get("bias.label")->values<float>();
  const auto prediction = file.Get("prediction.label")->values<int64_t>();
  int64_t right = 0;
  for (int64_t i = 0; i < 60; ++i) {
    int best = 0;
    double logits[3];
    for (int c = 0; c < 3; ++c) {
      logits[c] = bias[c];
      for (int64_t j = 0; j < 7; ++j) logits[c] += weight[c * 7 + j] * test_.features[i * 7 + j];
      if (logits[c] > logits[best]) best = c;
    }
    EXPECT_EQ(prediction[i], best);
    right += best == test_.classes["labels"][i];
  }
  EXPECT_NEAR(details_.targets(0).test_top1(), right / 60.0, 1e-12);
}

TEST_F(LinearProbeStageTest, ThreadsAndRepetitionsChangeNoByte) {
  options_.add_target("all");
  std::vector<std::string> fingerprints;
  for (int threads : {1, 2, 3}) {
    settings_.threads = threads;
    ASSERT_OK(Run());
    fingerprints.push_back(fingerprint_);
  }
  EXPECT_EQ(fingerprints[0], fingerprints[1]);
  EXPECT_EQ(fingerprints[0], fingerprints[2]);
}

TEST_F(LinearProbeStageTest, SeedAndListChooseTheValidationRows) {
  ASSERT_OK_AND_ASSIGN(const ValidationSplit split, SplitByFraction(120, 0.1, 5));
  ASSERT_EQ(split.val.size(), 12);
  std::string list = "# image ids\n\n";
  for (int64_t row : split.val) absl::StrAppend(&list, train_.ids[row], "\n");
  options_.set_split_seed(5);
  ASSERT_OK(Run());
  const v1::LinearProbeResult seeded = details_;
  ASSERT_OK(WriteFile(Path("val.txt"), list));
  options_.set_val_list(Path("val.txt"));
  ASSERT_OK(Run());
  EXPECT_EQ(PrintTextProto(details_), PrintTextProto(seeded));
  options_.clear_val_list();
  options_.set_split_seed(6);
  ASSERT_OK(Run());
  EXPECT_NE(PrintTextProto(result_), PrintTextProto(seeded));
}

TEST_F(LinearProbeStageTest, SeparateValidationEmbeddingsAreLearntFromInTheEnd) {
  ASSERT_OK(EmbeddingsFixture::Clusters(30, 7, 500, 3).Write(Path("val")));
  options_.set_val(Path("val"));
  options_.set_metric(v1::LinearProbeOptions::CLASS_AVG);
  ASSERT_OK(Run());
  EXPECT_EQ(details_.targets(0).metric(), "class_avg");
  // What a table shows.
  EXPECT_EQ(result_.scores(0).metric(), "class_avg");
  EXPECT_EQ(details_.targets(0).num_train(), 120);
  EXPECT_EQ(details_.targets(0).num_val(), 30);
  EXPECT_EQ(details_.targets(0).classes(0).num_learnt(), 50);
}

TEST_F(LinearProbeStageTest, FewLabelsThinTheTrainingRowsOnly) {
  options_.set_labels_per_class(3);
  ASSERT_OK(Run());
  EXPECT_EQ(details_.targets(0).num_train(), 9);
  EXPECT_EQ(details_.targets(0).num_val(), 12);
  // What the tested classifier learnt from: no validation row.
  for (const v1::ClassAccuracy& entry : details_.targets(0).classes()) {
    EXPECT_EQ(entry.num_learnt(), 3);
  }
  const std::string three = fingerprint_;
  options_.set_label_seed(1);
  ASSERT_OK(Run());
  EXPECT_NE(fingerprint_, three);
  options_.set_labels_per_class(0);
  options_.set_label_fraction(0.25);
  ASSERT_OK(Run());
  EXPECT_EQ(details_.targets(0).num_train(), 27);
}

TEST_F(LinearProbeStageTest, LbfgsAndNewtonAgree) {
  ASSERT_OK(Run());
  const v1::LinearProbeTarget newton = details_.targets(0);
  options_.set_solver(v1::LinearProbeOptions::LBFGS);
  ASSERT_OK(Run());
  const v1::LinearProbeTarget& lbfgs = details_.targets(0);
  EXPECT_EQ(lbfgs.best_w(), newton.best_w());
  EXPECT_EQ(lbfgs.test_top1(), newton.test_top1());
  EXPECT_GT(lbfgs.refit().evaluations(), 0);
  EXPECT_EQ(newton.refit().evaluations(), 0);
}

TEST_F(LinearProbeStageTest, ConfusionsCountTheErrors) {
  options_.add_target("parity");
  ASSERT_OK(Run());
  const v1::LinearProbeTarget& parity = details_.targets(0);
  int64_t wrong = 0, confused = 0;
  for (const v1::ClassAccuracy& entry : parity.classes()) {
    wrong += entry.num_test() - entry.num_right();
  }
  for (const v1::Confusion& confusion : parity.confusions()) {
    EXPECT_NE(confusion.is(), confusion.taken_for());
    confused += confusion.count();
  }
  EXPECT_GT(wrong, 0);
  EXPECT_EQ(confused, wrong);
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/classifier.safetensors")));
  const auto matrix = file.Get("confusion.parity")->values<int64_t>();
  EXPECT_EQ(matrix[1] + matrix[2], wrong);
  EXPECT_EQ(matrix[0] + matrix[1] + matrix[2] + matrix[3], 60);
}

TEST_F(LinearProbeStageTest, TheGridCanBeGiven) {
  options_.add_regularizer(0.5);
  options_.add_regularizer(2);
  ASSERT_OK(Run());
  ASSERT_EQ(details_.targets(0).grid_size(), 2);
  EXPECT_EQ(details_.targets(0).grid(1).w(), 2);
}

TEST_F(LinearProbeStageTest, ATestClassThatWasNeverLearntIsAWarning) {
  for (int64_t i = 2; i < 120; i += 3) train_.classes["labels"][i] = 0;
  ASSERT_OK(Run());
  EXPECT_THAT(details_.targets(0).warnings(),
              ElementsAre("classes of the test set that nothing was learnt of: c"));
  EXPECT_EQ(details_.targets(0).classes(2).num_right(), 0);
}

TEST_F(LinearProbeStageTest, TestImagesAmongTheTrainImagesAreAWarning) {
  test_.ids[3] = train_.ids[8];
  ASSERT_OK(Run());
  EXPECT_THAT(result_.warnings(),
              ElementsAre("images of the test set that are also in the train embeddings: 1"));
}

TEST_F(LinearProbeStageTest, AClassThatOnlyTheValidationPartHasIsNotLearntOfFewLabels) {
  // Class c is in the validation part alone.
  ASSERT_OK(EmbeddingsFixture::Clusters(30, 7, 500, 3).Write(Path("val")));
  options_.set_val(Path("val"));
  for (int64_t i = 2; i < 120; i += 3) train_.classes["labels"][i] = 0;
  ASSERT_OK(Run());
  EXPECT_EQ(details_.targets(0).warnings_size(), 0);
  EXPECT_EQ(details_.targets(0).classes(2).num_learnt(), 10);
  options_.set_label_fraction(0.5);
  ASSERT_OK(Run());
  EXPECT_THAT(details_.targets(0).warnings(),
              ElementsAre("classes of the test set that nothing was learnt of: c"));
}

TEST(UnfinishedSentenceTest, NamesTheFitsOfTheGridAndTheFinalOne) {
  ProbeOutcome outcome;
  for (double w : {0.5, 1.0, 2.0}) outcome.grid.push_back({.w = w, .fit = {.converged = true}});
  outcome.refit.converged = true;
  EXPECT_EQ(UnfinishedSentence(outcome), "");
  outcome.refit.converged = false;
  EXPECT_EQ(UnfinishedSentence(outcome), "the final fit ended before the tolerance");
  for (int i : {0, 2}) outcome.grid[i].fit.converged = false;
  EXPECT_EQ(UnfinishedSentence(outcome),
            "fits that ended before the tolerance, at w = 0.5, 2; the final fit ended before the "
            "tolerance");
}

TEST(SplitByFractionTest, IsAPartitionOfEverySize) {
  for (int64_t rows : {2, 3, 10, 1000}) {
    for (double fraction : {0.001, 0.1, 0.5, 0.999}) {
      ASSERT_OK_AND_ASSIGN(const ValidationSplit split, SplitByFraction(rows, fraction, 7));
      std::vector<int64_t> all = split.train;
      all.insert(all.end(), split.val.begin(), split.val.end());
      std::sort(all.begin(), all.end());
      for (int64_t i = 0; i < rows; ++i) ASSERT_EQ(all[i], i);
      EXPECT_GE(split.val.size(), 1);
      EXPECT_GE(split.train.size(), 1);
    }
  }
  // The product is a little less than 29.
  ASSERT_OK_AND_ASSIGN(const ValidationSplit rounded, SplitByFraction(100, 0.29, 7));
  EXPECT_EQ(rounded.val.size(), 29);
  for (double fraction : {0.0, 1.0, -0.5, std::nan("")}) {
    EXPECT_THAT(SplitByFraction(10, fraction, 0),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("above 0, below 1")));
  }
  EXPECT_THAT(SplitByFraction(1, 0.5, 0),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("1 row")));
}

}  // namespace
}  // namespace cassle
