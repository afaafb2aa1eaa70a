#include "cassle/eval/classifiers/classifier.h"

#include <algorithm>
#include <numeric>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/classifiers/classifier_file.h"
#include "cassle/eval/embeddings/embeddings_testutil.h"
#include "cassle/eval/on_embeddings/knn_stage.h"
#include "cassle/eval/on_embeddings/linear_probe_stage.h"
#include "cassle/eval/on_embeddings/sgd_probe_stage.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kUsage = absl::StatusCode::kInvalidArgument;

// Embeddings of three classes, and what the stages learn from them.
class ClassifierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(train_.Write(Path("train")));
    ASSERT_OK(test_.Write(Path("test")));
  }

  std::string Path(const std::string& name) const { return JoinPath(root_, name); }

  // The output of a stage with two targets.
  template <class Options>
  std::string Learn(const StageInfo& info, Options options,
                    absl::Status (*work)(const Options&, StageContext&)) {
    options.set_train(Path("train"));
    options.set_test(Path("test"));
    for (const char* target : {"label", "parity"}) options.add_target(target);
    options.set_output(Path(info.name));
    EXPECT_OK(RunStage(info, options, {.force = true, .omit_costs = true}, work));
    return options.output();
  }
  std::string LearnLinear() {
    return Learn(LinearProbeInfo(), v1::LinearProbeOptions(), RunLinearProbe);
  }
  std::string LearnBySgd() {
    v1::SgdProbeOptions options;
    options.set_epochs(3);
    return Learn(SgdProbeInfo(), options, RunSgdProbe);
  }
  std::string LearnNeighbors() {
    v1::KnnOptions options;
    for (const int k : {1, 5}) options.add_k(k);
    for (const double t : {0.0, 0.07}) options.add_temperature(t);
    return Learn(KnnInfo(), options, RunKnn);
  }

  // The most probable class of each row; the probabilities of each sum to 1.
  static std::vector<int> Classes(const OpenedClassifier& opened, const EmbeddingsFixture& rows) {
    const auto p = opened.classifier->Probabilities(rows.features);
    EXPECT_OK(p);
    const int64_t classes = opened.classifier->class_names().size();
    EXPECT_EQ(p->size(), rows.ids.size() * classes);
    std::vector<int> best;
    for (size_t row = 0; row < p->size(); row += classes) {
      EXPECT_NEAR(std::accumulate(p->begin() + row, p->begin() + row + classes, 0.0), 1, 1e-12);
      best.push_back(std::max_element(p->begin() + row, p->begin() + row + classes) -
                     (p->begin() + row));
    }
    return best;
  }

  std::string root_;
  EmbeddingsFixture train_ = EmbeddingsFixture::Clusters(90, 6, 0, 1);
  EmbeddingsFixture test_ = EmbeddingsFixture::Clusters(40, 6, 90, 2);
};

TEST_F(ClassifierTest, LinearOnesPredictWhatTheProbePredicted) {
  for (const std::string& folder : {LearnLinear(), LearnBySgd()}) {
    ASSERT_OK_AND_ASSIGN(const OpenedClassifier opened, OpenClassifier(folder, {}));
    EXPECT_EQ(opened.columns, 6);
    EXPECT_EQ(opened.origin.weights_fingerprint, "wwww");
    EXPECT_EQ(opened.origin.preprocess_fingerprint, "pppp");
    EXPECT_EQ(opened.origin.resize_px, 16);
    EXPECT_FALSE(opened.origin.bfloat16);
    EXPECT_EQ(opened.classifier->target(), "label");
    EXPECT_THAT(opened.classifier->class_names(), ElementsAre("a", "b", "c"));
    ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                         SafetensorsFile::Open(JoinPath(folder, kClassifierName)));
    ASSERT_OK_AND_ASSIGN(const TensorView predicted, file.Get("prediction.label"));
    const absl::Span<const int64_t> expected = predicted.values<int64_t>();
    EXPECT_THAT(Classes(opened, test_),
                ::testing::ElementsAreArray(expected.begin(), expected.end()));
  }
}

TEST_F(ClassifierTest, NeighborsVoteAsTheMostAccurateVoteThatWasTested) {
  const std::string folder = LearnNeighbors();
  ASSERT_OK_AND_ASSIGN(const OpenedClassifier opened,
                       OpenClassifier(folder, {.train = Path("train")}));
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(JoinPath(folder, kClassifierName)));
  ASSERT_OK_AND_ASSIGN(const TensorView accuracy, file.Get("accuracy.label", DType::kF64, 2));
  const absl::Span<const double> accuracies = accuracy.values<double>();
  const std::vector<int> predicted = Classes(opened, test_);
  int right = 0;
  for (size_t row = 0; row < predicted.size(); ++row) {
    right += predicted[row] == test_.classes["labels"][row];
  }
  EXPECT_DOUBLE_EQ(right / 40.0, *std::max_element(accuracies.begin(), accuracies.end()));
  EXPECT_THAT(opened.note, HasSubstr("the most accurate that knn tested"));
  // With one neighbour the vote is unanimous.
  ASSERT_OK_AND_ASSIGN(
      const OpenedClassifier nearest,
      OpenClassifier(
          folder, {.target = "parity", .train = Path("train"), .neighbors = 1, .temperature = 0}));
  EXPECT_THAT(nearest.classifier->class_names(), ElementsAre("even", "odd"));
  ASSERT_OK_AND_ASSIGN(const std::vector<double> votes,
                       nearest.classifier->Probabilities(test_.features));
  EXPECT_THAT(votes, ::testing::Each(::testing::AnyOf(0.0, 1.0)));
  EXPECT_EQ(nearest.note, "k = 1, temperature 0");
}

TEST_F(ClassifierTest, RowsWithoutAClassDoNotVote) {
  for (int row = 0; row < 30; ++row) train_.classes["labels"][row] = kNoClass;
  ASSERT_OK(train_.Write(Path("train")));
  const std::string folder = LearnNeighbors();
  ASSERT_OK_AND_ASSIGN(const OpenedClassifier opened,
                       OpenClassifier(folder, {.train = Path("train"), .neighbors = 60}));
  EXPECT_EQ(Classes(opened, test_).size(), 40);
  EXPECT_THAT(OpenClassifier(folder, {.train = Path("train"), .neighbors = 61}).status(),
              StatusIs(kUsage, HasSubstr("--k=61: only 60 images of --train have a class")));
}

TEST_F(ClassifierTest, WhatCannotPredictSaysWhy) {
  const std::string linear = LearnLinear(), neighbors = LearnNeighbors();
  EXPECT_THAT(OpenClassifier(linear, {.target = "hue"}).status(),
              StatusIs(kBad, AllOf(HasSubstr("--target=hue"), HasSubstr("label, parity"))));
  EXPECT_THAT(OpenClassifier(linear, {.train = Path("train")}).status(),
              StatusIs(kUsage, HasSubstr("--train is for a --classifier of knn")));
  EXPECT_THAT(OpenClassifier(linear, {.neighbors = 3}).status(),
              StatusIs(kUsage, HasSubstr("--k")));
  EXPECT_THAT(OpenClassifier(neighbors, {}).status(),
              StatusIs(kUsage, HasSubstr("--train is missing")));
  EXPECT_THAT(OpenClassifier(neighbors, {.train = Path("test")}).status(),
              StatusIs(kBad, HasSubstr("has the fingerprint")));
  EXPECT_THAT(OpenClassifier(Path("train"), {}).status(),
              StatusIs(kBad, HasSubstr("(of embed) holds no classifier")));
  EXPECT_THAT(OpenClassifier(Path("nowhere"), {}).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere")));
  ASSERT_OK(WriteFile(JoinPath(linear, kClassifierName), "short"));
  EXPECT_THAT(OpenClassifier(linear, {}).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(kClassifierName)));
}

TEST_F(ClassifierTest, EmbeddingsThatDoNotSayTheirPreparationServeProbesButNotPredictions) {
  train_.metadata.erase("resize_px");
  ASSERT_OK(train_.Write(Path("train")));
  EXPECT_THAT(OpenClassifier(LearnLinear(), {}).status(),
              StatusIs(kBad, HasSubstr("embed and learn again")));
}

}  // namespace
}  // namespace cassle
