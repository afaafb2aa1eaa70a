#include "cassle/eval/on_embeddings/knn_stage.h"

#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "cassle/base/safetensors.h"
#include "cassle/eval/result/evaluation_testutil.h"

namespace cassle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KnnStageTest : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    options_.set_train(Path("train"));
    options_.set_test(Path("test"));
    options_.set_output(Path("result"));
  }

  absl::Status Run() { return RunEvaluation(KnnInfo(), options_, RunKnn); }

  std::vector<std::string> ScoreNames() const {
    std::vector<std::string> names;
    for (const v1::Score& score : result_.scores()) names.push_back(score.name());
    return names;
  }

  v1::KnnOptions options_;
};

TEST_F(KnnStageTest, ReportsEveryTargetNumberAndTemperature) {
  for (double t : {0.0, 0.07, 0.5}) options_.add_temperature(t);
  for (int k : {1, 9}) options_.add_k(k);
  options_.add_target("all");
  ASSERT_OK(Run());
  EXPECT_THAT(ScoreNames(),
              ElementsAre("label, k = 1", "label, k = 9, unweighted", "label, k = 9, T = 0.07",
                          "label, k = 9, T = 0.5", "parity, k = 1", "parity, k = 9, unweighted",
                          "parity, k = 9, T = 0.07", "parity, k = 9, T = 0.5"));
  EXPECT_GT(ScoreOf("label, k = 9, unweighted"), 0.85);
  // The features do not show it.
  EXPECT_LT(ScoreOf("parity, k = 9, unweighted"), 0.75);
  EXPECT_NEAR(result_.scores(0).chance(), 1.0 / 3, 1e-12);
  EXPECT_EQ(result_.scores(0).num_test(), 60);
  EXPECT_EQ(result_.stage(), "knn");
  EXPECT_EQ(result_.encoder(), "random");
  ASSERT_EQ(result_.sets_size(), 2);
  EXPECT_EQ(result_.sets(1).num_rows(), 60);
  ASSERT_EQ(result_.charts_size(), 2);
  EXPECT_EQ(result_.charts(1).series_size(), 3);
  EXPECT_EQ(result_.warnings_size(), 0);
}

TEST_F(KnnStageTest, TakesTheUsualNumbersThatThereAreNeighboursFor) {
  ASSERT_OK(Run());
  EXPECT_THAT(ScoreNames(),
              ElementsAre("label, k = 1", "label, k = 5, T = 0.07", "label, k = 20, T = 0.07"));
  options_.set_metric(v1::KnnOptions::EUCLIDEAN);
  ASSERT_OK(Run());
  EXPECT_EQ(result_.scores(1).name(), "label, k = 5, unweighted");
}

TEST_F(KnnStageTest, WritesTheNeighboursNearestFirst) {
  options_.add_k(4);
  options_.set_metric(v1::KnnOptions::EUCLIDEAN);
  // Test row 3 is train row 77.
  for (int j = 0; j < 7; ++j) test_.features[3 * 7 + j] = train_.features[77 * 7 + j];
  ASSERT_OK(Run());
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/neighbors.safetensors")));
  EXPECT_THAT(file.Get("rows")->shape, ElementsAre(60, 4));
  const auto rows = file.Get("rows")->values<int64_t>();
  const auto distances = file.Get("distances")->values<float>();
  EXPECT_EQ(rows[3 * 4], 77);
  EXPECT_EQ(distances[3 * 4], 0);
  EXPECT_FALSE(std::signbit(distances[3 * 4]));
  double square = 0;
  for (int j = 0; j < 7; ++j) {
    square += std::pow(double{test_.features[j]} - train_.features[rows[2] * 7 + j], 2);
  }
  EXPECT_FLOAT_EQ(distances[2], std::sqrt(square));
  EXPECT_LE(distances[1], distances[2]);
  options_.set_metric(v1::KnnOptions::COSINE);
  ASSERT_OK(Run());
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile cosine,
                       SafetensorsFile::Open(Path("result/neighbors.safetensors")));
  EXPECT_FLOAT_EQ(cosine.Get("similarities")->values<float>()[3 * 4], 1);
}

TEST_F(KnnStageTest, WithoutATestSetNoImageVotesForItself) {
  // Pairs of equal rows with different classes: a row's nearest other row is always wrong.
  train_ = EmbeddingsFixture::Clusters(40, 7, 0, 3);
  for (int i = 0; i < 40; i += 2) {
    for (int j = 0; j < 7; ++j) train_.features[(i + 1) * 7 + j] = train_.features[i * 7 + j];
    train_.classes["labels"][i] = 0;
    train_.classes["labels"][i + 1] = 1;
  }
  options_.clear_test();
  options_.add_k(1);
  options_.add_k(39);
  ASSERT_OK(Run());
  EXPECT_EQ(ScoreOf("label, k = 1"), 0);
  EXPECT_EQ(result_.sets_size(), 1);
  EXPECT_EQ(result_.scores(0).num_test(), 40);
}

TEST_F(KnnStageTest, ThreadsChangeNoByte) {
  options_.add_target("all");
  ASSERT_OK(Run());
  const std::string before = fingerprint_;
  settings_.threads = 3;
  ASSERT_OK(Run());
  EXPECT_EQ(fingerprint_, before);
}

TEST_F(KnnStageTest, WarnsOfClassesThatAreMissingFromTrainAndOfSharedImages) {
  for (int64_t& label : train_.classes["labels"]) label = label == 2 ? 0 : label;
  test_.ids[5] = 17;
  ASSERT_OK(Run());
  ASSERT_EQ(result_.warnings_size(), 2);
  EXPECT_THAT(result_.warnings(0), HasSubstr("also in the train embeddings: 1"));
  EXPECT_THAT(result_.warnings(1),
              HasSubstr("label: classes of the test set that nothing was learnt of: c"));
}

TEST_F(KnnStageTest, WithoutATestSetAClassOfOneImageIsNotLearnt) {
  for (int64_t& label : train_.classes["labels"]) label = label == 2 ? 0 : label;
  train_.classes["labels"][2] = 2;
  options_.clear_test();
  ASSERT_OK(Run());
  EXPECT_THAT(result_.warnings(),
              Contains("label: classes of the test set that nothing was learnt of: c"));
}

TEST_F(KnnStageTest, RefusesFeaturesThatAreNotFinite) {
  test_.features[2 * 7 + 4] = NAN;
  ExpectFailure(Run(), 65, {"--test", "features[2, 4]", "image 1002", "diverged"});
}

TEST_F(KnnStageTest, WarnsOfFeaturesThatAreAllTheSame) {
  std::fill(train_.features.begin(), train_.features.end(), 3.0f);
  ASSERT_OK(Run());
  EXPECT_THAT(result_.warnings(), ElementsAre("all images of --train have the same features: the "
                                              "encoder has collapsed"));
}

TEST_F(KnnStageTest, RefusesOneClass) {
  for (int64_t& label : train_.classes["labels"]) label = 1;
  ExpectFailure(Run(), 65, {"'label'", "every row of --train has class 1 (b)"});
}

TEST_F(KnnStageTest, RefusesEmptySets) {
  train_.features.clear();
  train_.ids.clear();
  train_.classes.clear();
  ExpectFailure(Run(), 65, {"--train", "[0, 7]", "nothing to work on"});
}

TEST_F(KnnStageTest, RefusesOneImageWithoutATestSet) {
  train_ = EmbeddingsFixture::Clusters(1, 7, 0, 3);
  options_.clear_test();
  ExpectFailure(Run(), 65, {"--train has one image"});
}

TEST_F(KnnStageTest, RefusesEmbeddingsOfAnotherEncoder) {
  test_.metadata["weights_fingerprint"] = "vvvv";
  ExpectFailure(Run(), 65, {"--train and --test come from another encoder", "wwww and vvvv"});
}

TEST_F(KnnStageTest, RefusesOtherClassNames) {
  test_.metadata["classes"] = "[\"a\",\"c\",\"b\"]";
  ExpectFailure(Run(), 65, {"'label' has other classes", "shard the splits together"});
}

TEST_F(KnnStageTest, RefusesMoreNeighboursThanThereAre) {
  options_.add_k(121);
  ExpectFailure(Run(), 65, {"--k=121", "120 neighbours"});
}

TEST_F(KnnStageTest, RefusesBadSettings) {
  options_.add_k(5);
  options_.add_k(5);
  ExpectFailure(Run(), 64, {"--k=5,5: expected ascending values, each at least 1"});
  options_.set_k(0, 0);
  ExpectFailure(Run(), 64, {"--k=0,5: expected ascending values, each at least 1"});
  options_.clear_k();
  options_.add_temperature(-1);
  ExpectFailure(Run(), 64, {"--temperature"});
  options_.set_temperature(0, NAN);
  ExpectFailure(Run(), 64, {"--temperature"});
  options_.clear_temperature();
  options_.add_target("shape");
  ExpectFailure(Run(), 65, {"no target 'shape'", "label, parity"});
  options_.set_target(0, "label");
  options_.add_target("label");
  ExpectFailure(Run(), 64, {"twice"});
  options_.clear_target();
  options_.clear_train();
  ExpectFailure(Run(), 64, {"--train is missing"});
  options_.set_train(Path("nothing"));
  ExpectFailure(Run(), 66, {"nothing"});
}

TEST_F(KnnStageTest, StopsWhenInterrupted) {
  const std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  ExpectFailure(Run(), 75, {"interrupted"});
}

}  // namespace
}  // namespace cassle
