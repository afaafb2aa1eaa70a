#include "cassle/eval/linear_probe_stage.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/stage_main.h"
#include "cassle/base/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/embeddings_fixture.h"
#include "cassle/eval/linear_probe_result.pb.h"
#include "cassle/eval/validation_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LinearProbeStageTest : public ::testing::Test {
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
      EXPECT_THAT(std::string(status.message()), HasSubstr(word));
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

TEST_F(LinearProbeStageTest, ReportsTheWholeGridAndTheTest) {
  options_.add_target("all");
  ASSERT_OK(Run());
  ASSERT_EQ(result_.targets_size(), 2);
  const v1::LinearProbeTarget& label = result_.targets(0);
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
  EXPECT_EQ(result_.targets(1).name(), "parity");
  // The features do not show it.
  EXPECT_LT(result_.targets(1).test_top1(), 0.75);
  EXPECT_EQ(result_.weights_fingerprint(), "wwww");
  EXPECT_EQ(result_.encoder(), "random");
  EXPECT_EQ(result_.num_features(), 7);
  ASSERT_EQ(result_.sets_size(), 3);
  EXPECT_EQ(result_.sets(2).split(), "test");
  // stdout and result.json are the same line.
  ASSERT_OK_AND_ASSIGN(const std::string file, ReadFile(Path("probe/result.json")));
  EXPECT_EQ(file, json_ + "\n");
}

TEST_F(LinearProbeStageTest, TheSavedClassifierMakesTheSavedPredictions) {
  ASSERT_OK(Run());
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("probe/classifier.safetensors")));
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
  EXPECT_NEAR(result_.targets(0).test_top1(), right / 60.0, 1e-12);
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
  const v1::LinearProbeResult seeded = result_;
  ASSERT_OK(WriteFile(Path("val.txt"), list));
  options_.set_val_list(Path("val.txt"));
  ASSERT_OK(Run());
  EXPECT_EQ(PrintTextProto(result_), PrintTextProto(seeded));
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
  EXPECT_EQ(result_.targets(0).metric(), "class_avg");
  EXPECT_EQ(result_.targets(0).num_train(), 120);
  EXPECT_EQ(result_.targets(0).num_val(), 30);
  EXPECT_EQ(result_.targets(0).classes(0).num_learnt(), 50);
}

TEST_F(LinearProbeStageTest, FewLabelsThinTheTrainingRowsOnly) {
  options_.set_labels_per_class(3);
  ASSERT_OK(Run());
  EXPECT_EQ(result_.targets(0).num_train(), 9);
  EXPECT_EQ(result_.targets(0).num_val(), 12);
  const std::string three = fingerprint_;
  options_.set_label_seed(1);
  ASSERT_OK(Run());
  EXPECT_NE(fingerprint_, three);
  options_.set_labels_per_class(0);
  options_.set_label_fraction(0.25);
  ASSERT_OK(Run());
  EXPECT_EQ(result_.targets(0).num_train(), 27);
}

TEST_F(LinearProbeStageTest, MoreLabelsThanThereAreAreRefused) {
  options_.set_labels_per_class(41);
  ExpectFailure(65, {"class 0 has 3", "41 per class"});
  options_.set_labels_per_class(3);
  options_.add_target("all");
  ExpectFailure(64, {"one target at a time"});
}

TEST_F(LinearProbeStageTest, LbfgsAndNewtonAgree) {
  ASSERT_OK(Run());
  const v1::LinearProbeTarget newton = result_.targets(0);
  options_.set_solver(v1::LinearProbeOptions::LBFGS);
  ASSERT_OK(Run());
  const v1::LinearProbeTarget& lbfgs = result_.targets(0);
  EXPECT_EQ(lbfgs.best_w(), newton.best_w());
  EXPECT_EQ(lbfgs.test_top1(), newton.test_top1());
  EXPECT_GT(lbfgs.refit().evaluations(), 0);
  EXPECT_EQ(newton.refit().evaluations(), 0);
}

TEST_F(LinearProbeStageTest, ConfusionsCountTheErrors) {
  options_.add_target("parity");
  ASSERT_OK(Run());
  const v1::LinearProbeTarget& parity = result_.targets(0);
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
                       SafetensorsFile::Open(Path("probe/classifier.safetensors")));
  const auto matrix = file.Get("confusion.parity")->values<int64_t>();
  EXPECT_EQ(matrix[1] + matrix[2], wrong);
  EXPECT_EQ(matrix[0] + matrix[1] + matrix[2] + matrix[3], 60);
}

TEST_F(LinearProbeStageTest, TheAuthorsSplitWantsTheAuthorsData) {
  options_.set_authors_split("cifar10");
  ExpectFailure(65, {"--authors_split=cifar10", "50000", "120"});
  options_.set_authors_split("cifar1");
  ExpectFailure(64, {"did you mean cifar10"});
}

TEST_F(LinearProbeStageTest, TheGridCanBeGiven) {
  options_.add_regularizer(0.5);
  options_.add_regularizer(2);
  ASSERT_OK(Run());
  ASSERT_EQ(result_.targets(0).grid_size(), 2);
  EXPECT_EQ(result_.targets(0).grid(1).w(), 2);
}

TEST_F(LinearProbeStageTest, ATestClassThatWasNeverLearntIsAWarning) {
  for (int64_t i = 2; i < 120; i += 3) train_.classes["labels"][i] = 0;
  ASSERT_OK(Run());
  EXPECT_THAT(result_.targets(0).warnings(),
              ElementsAre("classes of the test set that nothing was learnt of: c"));
  EXPECT_EQ(result_.targets(0).classes(2).num_right(), 0);
}

TEST_F(LinearProbeStageTest, TestImagesAmongTheTrainImagesAreAWarning) {
  test_.ids[3] = train_.ids[8];
  ASSERT_OK(Run());
  EXPECT_THAT(result_.targets(0).warnings(),
              ElementsAre("images of the test set that are also in the train embeddings: 1"));
}

TEST_F(LinearProbeStageTest, OtherWeightsAreRefused) {
  test_.metadata["weights_fingerprint"] = "vvvv";
  ExpectFailure(65, {"--train and --test", "another encoder", "weights_fingerprint wwww and vvvv"});
}

TEST_F(LinearProbeStageTest, OtherPreprocessingIsRefused) {
  test_.metadata["preprocess_fingerprint"] = "qqqq";
  ExpectFailure(65, {"another preprocessing", "preprocess_fingerprint pppp and qqqq"});
}

TEST_F(LinearProbeStageTest, AMissingFingerprintIsRefused) {
  test_.metadata.erase("weights_fingerprint");
  ExpectFailure(65, {"--test does not say its weights_fingerprint"});
}

TEST_F(LinearProbeStageTest, OtherWidthIsRefused) {
  test_ = EmbeddingsFixture::Clusters(60, 8, 1000, 2);
  ExpectFailure(65, {"--train has 7 features per image, --test 8"});
}

TEST_F(LinearProbeStageTest, ARowWithoutLabelIsRefused) {
  train_.classes["labels"][17] = -1;
  ExpectFailure(65, {"--train", "labels[17] (image 17) is -1", "labelled split"});
}

TEST_F(LinearProbeStageTest, AnImpossibleLabelIsRefused) {
  test_.classes["labels"][4] = 3;
  ExpectFailure(65, {"--test", "labels[4] (image 1004) is 3, outside 0..2"});
}

TEST_F(LinearProbeStageTest, UnlabelledEmbeddingsAreRefused) {
  train_.classes.erase("labels");
  ExpectFailure(65, {"--train", "no target 'label'", "there is parity"});
}

TEST_F(LinearProbeStageTest, AnUnknownTargetIsRefusedWithTheOnesThereAre) {
  options_.add_target("hue");
  ExpectFailure(65, {"no target 'hue'", "label, parity"});
}

TEST_F(LinearProbeStageTest, AVectorTargetIsRefused) {
  train_.vectors["target.position"].resize(240);
  options_.add_target("position");
  ExpectFailure(65, {"'position'", "is a vector", "label, parity"});
}

TEST_F(LinearProbeStageTest, OneClassIsRefused) {
  for (int64_t& label : train_.classes["labels"]) label = 1;
  ExpectFailure(65, {"target 'label'", "has class 1", "two classes"});
}

TEST_F(LinearProbeStageTest, OtherClassNamesAreRefused) {
  test_.metadata["classes"] = "[\"b\",\"a\",\"c\"]";
  ExpectFailure(65, {"other classes", "shard the splits together"});
}

TEST_F(LinearProbeStageTest, NotANumberIsRefusedWithItsRow) {
  train_.features[7 * 9 + 2] = std::nanf("");
  ExpectFailure(65, {"--train", "features[9, 2] (image 9) is nan"});
}

TEST_F(LinearProbeStageTest, AnEmptySetIsRefused) {
  test_ = EmbeddingsFixture::Clusters(0, 7, 0, 1);
  ExpectFailure(65, {"--test", "[0, 7]", "nothing to work on"});
}

TEST_F(LinearProbeStageTest, TensorsOfOtherLengthAreRefused) {
  train_.classes["labels"].pop_back();
  ExpectFailure(65, {"labels has 119 rows, features has 120"});
}

TEST_F(LinearProbeStageTest, ABadListIsRefusedWithItsLine) {
  for (const auto& [list, words] : std::vector<std::pair<std::string, std::string>>{
           {"1\nx\n", "val.txt:2: 'x' is not an image id"},
           {"1\n5000\n", "val.txt:2: '5000' is not the id of an image of --train"},
           {"1\n2\n1\n", "val.txt:3: '1' is listed twice"},
           {"# nothing\n", "lists 0 of the 120 images"}}) {
    ASSERT_OK(WriteFile(Path("val.txt"), list));
    options_.set_val_list(Path("val.txt"));
    ExpectFailure(65, {words});
  }
}

TEST_F(LinearProbeStageTest, AMissingOrUnfinishedInputIsRefused) {
  options_.set_test(Path("nowhere"));
  ExpectFailure(66, {"nowhere", "does not exist"});
  options_.set_test(Path("dead.partial"));
  ASSERT_OK(MakeDirectories(Path("dead.partial")));
  ExpectFailure(66, {"dead.partial", "not a complete stage output"});
}

TEST_F(LinearProbeStageTest, SettingsThatMakeNoSenseAreUsageErrors) {
  const std::vector<std::pair<std::function<void(v1::LinearProbeOptions*)>, std::string>> cases = {
      {[](auto* o) { o->clear_train(); }, "--train is missing"},
      {[](auto* o) { o->set_val_fraction(1); }, "--val_fraction=1 is not between 0 and 1"},
      {[](auto* o) { o->set_tolerance(0); }, "--tolerance=0"},
      {[](auto* o) { o->add_regularizer(0); }, "--regularizer: 0 after 0"},
      {[](auto* o) {
         o->add_regularizer(2);
         o->add_regularizer(1);
       },
       "--regularizer: 1 after 2"},
      {[](auto* o) {
         o->add_target("label");
         o->add_target("label");
       },
       "names a target twice"},
      {[](auto* o) {
         o->set_val(o->train());
         o->set_val_list(o->train() + "/embeddings.safetensors");
       },
       "exclude each other"}};
  const v1::LinearProbeOptions good = options_;
  for (const auto& [change, words] : cases) {
    options_ = good;
    change(&options_);
    ExpectFailure(64, {words});
  }
}

TEST_F(LinearProbeStageTest, AnInterruptedProbeLeavesNothing) {
  const std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  ExpectFailure(75, {"interrupted"});
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
  EXPECT_THAT(SplitByFraction(1, 0.5, 0),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("1 row")));
}

}  // namespace
}  // namespace cassle
