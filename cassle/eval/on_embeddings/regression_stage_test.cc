#include "cassle/eval/on_embeddings/regression_stage.h"

#include <atomic>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/eval/result/evaluation_testutil.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Adds "position", linear in the features, and "noise", which they do not show.
void AddVectors(EmbeddingsFixture* fixture) {
  std::vector<float>& position = fixture->vectors["target.position"];
  std::vector<float>& noise = fixture->vectors["target.noise"];
  uint32_t state = 7;
  for (size_t i = 0; i < fixture->ids.size(); ++i) {
    const float* x = &fixture->features[i * fixture->columns];
    position.push_back(0.5f * x[0] - x[3] + 10);
    position.push_back(x[1] + 0.25f * x[5]);
    for (int j = 0; j < 2; ++j) {
      state = state * 1664525u + 1013904223u + fixture->ids[i];
      noise.push_back(static_cast<float>(state >> 8) / (1 << 24));
    }
  }
}

class RegressionStageTest : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    AddVectors(&train_);
    AddVectors(&test_);
    options_.set_train(Path("train"));
    options_.set_test(Path("test"));
    options_.set_output(Path("result"));
    for (double w : {1e-4, 1e-1, 100.0}) options_.add_regularizer(w);
  }
  absl::Status Run() { return RunEvaluation(RegressionInfo(), options_, RunRegression); }

  v1::RegressionOptions options_;
};

TEST_F(RegressionStageTest, ReadsWhatIsLinearAndNothingElse) {
  ASSERT_OK(Run());
  ASSERT_EQ(result_.scores_size(), 8);
  EXPECT_GT(ScoreOf("position, r2"), 0.999);
  EXPECT_GT(ScoreOf("position, r2_norm"), 0.99);
  EXPECT_GT(ScoreOf("position, mean r2 of its numbers"), 0.999);
  EXPECT_LT(ScoreOf("position, mean absolute error"), 0.02);
  EXPECT_LT(ScoreOf("noise, mean r2 of its numbers"), 0.2);
  // The means alone explain what lies between the two numbers of a position.
  for (const v1::Score& score : result_.scores()) {
    EXPECT_EQ(score.num_test(), 60);
    if (score.name() == "position, r2") {
      EXPECT_GT(score.chance(), 0.8);
    }
    if (score.name() == "position, mean absolute error") {
      EXPECT_GT(score.chance(), 0.5);
    }
  }
  ASSERT_EQ(result_.charts_size(), 2);
  EXPECT_THAT(result_.charts(1).series(0).x(), ElementsAre(1e-4, 1e-1, 100));
  ASSERT_EQ(result_.sets_size(), 3);
  EXPECT_EQ(result_.sets(0).num_rows(), 108);
  EXPECT_EQ(result_.sets(1).num_rows(), 12);
  EXPECT_EQ(result_.warnings_size(), 0) << result_.DebugString();
}

TEST_F(RegressionStageTest, TheSavedMapMakesTheSavedPredictions) {
  options_.add_target("position");
  for (auto loss : {v1::RegressionOptions::L1, v1::RegressionOptions::L2}) {
    options_.set_loss(loss);
    ASSERT_OK(Run());
    ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                         SafetensorsFile::Open(Path("result/regression.safetensors")));
    EXPECT_FALSE(file.Has("weight.noise"));
    const auto weight = file.Get("weight.position")->values<float>();
    const auto bias = file.Get("bias.position")->values<float>();
    const auto prediction = file.Get("prediction.position")->values<float>();
    double error = 0;
    for (int64_t i = 0; i < 120; ++i) {
      double value = bias[i % 2];
      for (int64_t c = 0; c < 7; ++c) {
        value += weight[i % 2 * 7 + c] * test_.features[i / 2 * 7 + c];
      }
      EXPECT_NEAR(prediction[i], value, 1e-4);
      error += std::abs(value - test_.vectors["target.position"][i]) / 120;
    }
    EXPECT_NEAR(ScoreOf("position, mean absolute error"), error, 1e-4);
  }
}

TEST_F(RegressionStageTest, TheGridIsTheAuthorsAndTheMetricCanBeChosen) {
  options_.clear_regularizer();
  options_.set_metric(v1::RegressionOptions::R2_NORM);
  options_.add_target("position");
  ASSERT_OK(Run());
  ASSERT_EQ(result_.charts(0).series(0).x_size(), 45);
  EXPECT_NEAR(result_.charts(0).series(0).x(0), 1e-6, 1e-12);
  EXPECT_EQ(result_.charts(0).y().label(), "r2_norm");
}

TEST_F(RegressionStageTest, OneNumberHasNoDirection) {
  train_.vectors.clear();
  test_.vectors.clear();
  for (EmbeddingsFixture* set : {&train_, &test_}) {
    for (size_t i = 0; i < set->ids.size(); ++i) {
      set->vectors["target.size"].push_back(set->features[7 * i] + 9);
    }
  }
  options_.add_target("all");
  ASSERT_OK(Run());
  ASSERT_EQ(result_.scores_size(), 3);
  EXPECT_GT(ScoreOf("size, r2"), 0.999);
  options_.set_metric(v1::RegressionOptions::R2_NORM);
  ASSERT_OK(RemoveAll(Path("result")));
  ExpectFailure(Run(), 64, {"--metric=r2_norm", "'size' is one number"});
}

// So large a penalty leaves numbers near 0, which may correlate.
TEST_F(RegressionStageTest, AnErrorFarAboveThatOfTheMeanIsWarnedOf) {
  options_.clear_regularizer();
  options_.add_regularizer(1e9);
  options_.add_target("position");
  ASSERT_OK(Run());
  ASSERT_EQ(result_.warnings_size(), 1);
  EXPECT_THAT(result_.warnings(0), HasSubstr("'position': the absolute error is more than twice"));
}

TEST_F(RegressionStageTest, ThreadsChangeNoByteAndTheSeedDoes) {
  ASSERT_OK(Run());
  const std::string before = fingerprint_;
  settings_.threads = 3;
  ASSERT_OK(Run());
  EXPECT_EQ(fingerprint_, before);
  options_.set_split_seed(1);
  ASSERT_OK(Run());
  EXPECT_NE(fingerprint_, before);
}

TEST_F(RegressionStageTest, ValidationEmbeddingsAndLists) {
  EmbeddingsFixture val = EmbeddingsFixture::Clusters(30, 7, 5000, 3);
  AddVectors(&val);
  ASSERT_OK(val.Write(Path("val")));
  options_.set_val(Path("val"));
  ASSERT_OK(Run());
  EXPECT_EQ(result_.sets(0).num_rows(), 120);
  EXPECT_EQ(result_.sets(1).num_rows(), 30);
  options_.clear_val();
  ASSERT_OK(WriteFile(Path("val.txt"), "3\n4\n5\n"));
  options_.set_val_list(Path("val.txt"));
  ASSERT_OK(Run());
  EXPECT_EQ(result_.sets(1).num_rows(), 3);
}

TEST_F(RegressionStageTest, CropsOfAnImageStayTogether) {
  train_.metadata["crops"] = "ten";
  for (int64_t i = 0; i < 120; ++i) train_.ids[i] = i / 10;
  options_.set_val_fraction(0.25);
  ASSERT_OK(Run());
  EXPECT_EQ(result_.sets(0).num_rows(), 90);
  EXPECT_EQ(result_.sets(1).num_rows(), 30);
  ASSERT_OK(WriteFile(Path("val.txt"), "3\n"));
  options_.set_val_list(Path("val.txt"));
  ASSERT_OK(Run());
  EXPECT_EQ(result_.sets(1).num_rows(), 10);
  ASSERT_OK(RemoveAll(Path("result")));
  test_.metadata["crops"] = "ten";
  ExpectFailure(Run(), 65, {"--test has ten rows per image", "--crops=center"});
}

TEST_F(RegressionStageTest, WarnsOfSharedImagesAndOfTargetsThatDoNotVary) {
  test_.ids[0] = 5;
  for (size_t i = 0; i < 120; ++i) test_.vectors["target.noise"][i] = i % 2;
  ASSERT_OK(Run());
  ASSERT_EQ(result_.warnings_size(), 2);
  EXPECT_THAT(result_.warnings(1), HasSubstr("'noise' has the same numbers in every row"));
}

TEST_F(RegressionStageTest, RefusesTargetsThatCannotBeLearnt) {
  options_.add_target("parity");
  ExpectFailure(Run(), 65, {"no vector target 'parity'", "noise, position", "linear-probe"});
  options_.clear_target();
  for (size_t i = 0; i < 240; ++i) train_.vectors["target.noise"][i] = i % 2;
  ExpectFailure(Run(), 65, {"'noise'", "same numbers"});
  train_.vectors["target.noise"][17] = -HUGE_VALF;
  ExpectFailure(Run(), 65, {"--train", "target.noise[8, 1] (image 8)", "-inf"});
  for (float& value : train_.vectors["target.noise"]) value = std::nanf("");
  ExpectFailure(Run(), 65, {"--train: no image of", "has target 'noise'"});
  train_.vectors.erase("target.noise");
  test_.vectors.erase("target.position");
  ExpectFailure(Run(), 65, {"--test", "no vector target 'position'", "noise"});
  train_.vectors.clear();
  ExpectFailure(Run(), 65, {"no vector target", "landmarks"});
}

TEST_F(RegressionStageTest, RefusesBrokenOrForeignEmbeddings) {
  train_.features[7] = INFINITY;
  ExpectFailure(Run(), 65, {"--train", "features[1, 0]"});
  train_.features[7] = 0;
  test_.metadata["weights_fingerprint"] = "other";
  ExpectFailure(Run(), 65, {"another encoder"});
  test_ = EmbeddingsFixture::Clusters(0, 7, 0, 1);
  ExpectFailure(Run(), 65, {"--test", "nothing to work on"});
  options_.set_test(Path("missing"));
  ExpectFailure(Run(), 66, {"missing"});
}

TEST_F(RegressionStageTest, RefusesBadSettings) {
  const std::vector<std::pair<std::function<void(v1::RegressionOptions*)>, std::string>> cases = {
      {[](auto* o) { o->clear_train(); }, "--train is missing"},
      {[](auto* o) { o->clear_test(); }, "--test is missing"},
      {[](auto* o) { o->set_val_fraction(0); }, "--val_fraction=0"},
      {[](auto* o) { o->set_tolerance(-1); }, "--tolerance=-1"},
      {[](auto* o) { o->add_regularizer(1); }, ",100,1: expected ascending values, each above 0"},
      {[](auto* o) {
         o->add_target("noise");
         o->add_target("noise");
       },
       "names a target twice"},
      {[](auto* o) {
         o->set_val(o->train());
         o->set_val_list(o->train() + "/embeddings.safetensors");
       },
       "exclude each other"}};
  const v1::RegressionOptions good = options_;
  for (const auto& [change, words] : cases) {
    options_ = good;
    change(&options_);
    ExpectFailure(Run(), 64, {words});
  }
}

TEST_F(RegressionStageTest, StopsWhenInterrupted) {
  const std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  ExpectFailure(Run(), 75, {"interrupted"});
}

}  // namespace
}  // namespace cassle
