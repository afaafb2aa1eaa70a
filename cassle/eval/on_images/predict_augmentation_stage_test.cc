#include "cassle/eval/on_images/predict_augmentation_stage.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/eval/result/evaluation_testutil.h"
#include "cassle/features/model_testutil.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::PredictAugmentationOptions Options(const std::string& model, const std::string& images) {
  v1::PredictAugmentationOptions options;
  options.set_model(model);
  options.set_input(images);
  options.set_num_images(0);
  options.set_batch_size(32);
  options.set_output(images + ".predicted");
  return options;
}

absl::StatusOr<v1::Evaluation> Predict(const v1::PredictAugmentationOptions& options,
                                       int threads = 2) {
  return EvaluationOf(PredictAugmentationInfo(), options, RunPredictAugmentation, threads);
}

TEST(PredictAugmentationTest, ScoresEveryGroupOfThePolicyOnImagesHeldOut) {
  const auto options = Options(MakeTestModel({}), MakeTestImages(300));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Predict(options));
  std::vector<std::string> names;
  for (const v1::Score& score : evaluation.scores()) {
    names.push_back(score.name());
    EXPECT_LE(score.value(), 1);
  }
  EXPECT_THAT(names, ElementsAre("augmentation, color: R2", "augmentation, color_diff: R2",
                                 "augmentation, crop: R2", "augmentation, flip: R2",
                                 "augmentation, grayscale: R2"));
  EXPECT_EQ(evaluation.sets(0).num_rows(), 75);
  // Even random features show whether an image has colour.
  EXPECT_GT(ScoreOf(evaluation, "augmentation, grayscale: R2"), 0.1);
  EXPECT_EQ(evaluation.charts(1).x().categories_size(), 4 + 3 + 4 + 1 + 1);
}

TEST(PredictAugmentationTest, FeaturesThatSeeNothingTellNothing) {
  const auto blind = [](Backbone* backbone) {
    at::NoGradGuard no_grad;
    for (NamedTensor& parameter : backbone->named_parameters()) {
      if (parameter.name == "conv1.weight") parameter.tensor.zero_();
    }
  };
  const auto options = Options(MakeTestModel({.change = blind}), MakeTestImages(120));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Predict(options));
  for (const v1::Score& score : evaluation.scores()) {
    // The mean of the training rows is not quite that of the test rows.
    EXPECT_LT(std::abs(score.value()), 0.2) << score.name();
  }
}

TEST(PredictAugmentationTest, PairsTellDifferences) {
  auto options = Options(MakeTestModel({}), MakeTestImages(300));
  options.set_pairs(true);
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Predict(options));
  EXPECT_EQ(evaluation.scores_size(), 5);
  // How the means of two views of one image differ is nearly the difference of what jitter did.
  EXPECT_GT(ScoreOf(evaluation, "augmentation of pairs, color_diff: R2"), 0);
}

TEST(PredictAugmentationTest, ThreadsChangeNoByteAndGroupsCanBeChosen) {
  auto options = Options(MakeTestModel({}), MakeTestImages(70));
  options.add_groups("crop");
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Predict(options, 1));
  EXPECT_EQ(evaluation.scores_size(), 1);
  const auto file = JoinPath(options.output(), "result.textproto");
  ASSERT_OK_AND_ASSIGN(const std::string one, ReadFile(file));
  ASSERT_OK(Predict(options, 3));
  EXPECT_EQ(ReadFile(file).value(), one);
}

TEST(PredictAugmentationTest, AGroupThatNeverVariesIsLeftOutWithAWarning) {
  v1::Policy policy = TestPolicy();
  policy.mutable_flip()->set_probability(1);
  const auto options = Options(MakeTestModel({.policy = policy}), MakeTestImages(40));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Predict(options));
  EXPECT_THAT(evaluation.warnings(), ElementsAre(HasSubstr("flip is the same in all views")));
  EXPECT_EQ(evaluation.scores_size(), 4);
}

TEST(PredictAugmentationTest, ARegulariserThatNothingChoseIsWarnedOf) {
  v1::Policy policy = TestPolicy();
  policy.mutable_grayscale()->set_probability(0.1);
  auto options = Options(MakeTestModel({.policy = policy}), MakeTestImages(40));
  options.add_groups("grayscale");
  // Two images choose.
  options.set_val_fraction(0.01);
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Predict(options));
  EXPECT_THAT(evaluation.warnings(),
              ElementsAre("grayscale is the same in all views of the validation images: its "
                          "regulariser was not chosen, it is the smallest, 1e-06"));
}

TEST(PredictAugmentationTest, ValuesOfAGroupThatNeverVaryAreCounted) {
  v1::Policy policy = TestPolicy();
  policy.mutable_color_jitter()->set_saturation(0);
  policy.mutable_color_jitter()->set_hue(0);
  auto options = Options(MakeTestModel({.policy = policy}), MakeTestImages(40));
  options.add_groups("color");
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Predict(options));
  EXPECT_THAT(evaluation.warnings(),
              ElementsAre("2 of the 4 values of color are the same in all views of the test "
                          "images: no R2"));
  EXPECT_EQ(evaluation.scores_size(), 1);
}

TEST(PredictAugmentationTest, RefusesWhatCannotBeMeasured) {
  const std::string images = MakeTestImages(20), model = MakeTestModel({});
  auto options = Options(model, images);
  options.set_num_images(7);
  EXPECT_THAT(Predict(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("--num_images=7: learning")));
  options = Options(model, images);
  options.set_test_fraction(1);
  EXPECT_THAT(Predict(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--test_fraction=1")));
  options = Options(model, images);
  options.add_groups("blur");
  EXPECT_THAT(Predict(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("blur")));
  const auto explode = [](Backbone* backbone) {
    at::NoGradGuard no_grad;
    for (NamedTensor& parameter : backbone->named_parameters()) {
      if (parameter.name == "layer1.0.bn1.weight") parameter.tensor.fill_(3e38);
      if (parameter.name == "layer1.0.bn2.weight") parameter.tensor.fill_(3e38);
    }
  };
  options = Options(MakeTestModel({.name = "broken", .change = explode}), images);
  EXPECT_THAT(Predict(options), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("diverged")));
}

}  // namespace
}  // namespace cassle
