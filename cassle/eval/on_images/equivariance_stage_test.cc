#include "cassle/eval/on_images/equivariance_stage.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/eval/result/evaluation_testutil.h"
#include "cassle/features/model_testutil.h"
#include "cassle/probes/view_retrieval.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::EquivarianceOptions Options(const std::string& model, const std::string& images) {
  v1::EquivarianceOptions options;
  options.set_model(model);
  options.set_input(images);
  options.set_num_images(0);
  options.set_batch_size(16);
  options.set_views(6);
  options.set_output(images + ".equivariance");
  return options;
}

absl::StatusOr<v1::Evaluation> Measure(const v1::EquivarianceOptions& options, int threads = 2) {
  return EvaluationOf(EquivarianceInfo(), options, RunEquivariance, threads);
}

TEST(EquivarianceTest, ScoresAreThoseOfImagesHeldOutWithAndWithoutTheParameters) {
  const auto options = Options(MakeTestModel({}), MakeTestImages(120));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  std::vector<std::string> names;
  for (const v1::Score& score : evaluation.scores()) names.push_back(score.name());
  EXPECT_THAT(names, ElementsAre("equivariance: MRR", "equivariance: H@1", "equivariance: H@5",
                                 "equivariance, not told: MRR", "equivariance, not told: H@1",
                                 "equivariance, not told: H@5", "equivariance: PRE, color",
                                 "equivariance: PRE, color_diff", "equivariance: PRE, crop",
                                 "equivariance: PRE, flip", "equivariance: PRE, grayscale"));
  EXPECT_EQ(evaluation.sets(0).num_rows(), 30);
  EXPECT_DOUBLE_EQ(evaluation.scores(0).chance(), RandomReciprocalRank(6));
  // Even random features show the colour, and move with it.
  EXPECT_GT(ScoreOf(evaluation, "equivariance: MRR"),
            ScoreOf(evaluation, "equivariance, not told: MRR") + 0.05);
  EXPECT_LT(ScoreOf(evaluation, "equivariance: PRE, grayscale"), 0.9);
}

TEST(EquivarianceTest, AnEncoderThatSeesNothingRanksEveryViewLast) {
  const auto blind = [](Backbone* backbone) {
    at::NoGradGuard no_grad;
    for (NamedTensor& parameter : backbone->named_parameters()) {
      if (parameter.name == "conv1.weight") parameter.tensor.zero_();
    }
  };
  const auto options = Options(MakeTestModel({.change = blind}), MakeTestImages(40));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  EXPECT_DOUBLE_EQ(ScoreOf(evaluation, "equivariance: MRR"), 1 / 6.0);
  EXPECT_EQ(ScoreOf(evaluation, "equivariance: H@5"), 0);
}

TEST(EquivarianceTest, ThreadsChangeNoByteAndGroupsCanBeChosen) {
  auto options = Options(MakeTestModel({}), MakeTestImages(40));
  options.add_groups("crop");
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options, 1));
  EXPECT_EQ(evaluation.scores_size(), 7);
  const auto file = JoinPath(options.output(), "result.textproto");
  ASSERT_OK_AND_ASSIGN(const std::string one, ReadFile(file));
  ASSERT_OK(Measure(options, 3));
  EXPECT_EQ(ReadFile(file).value(), one);
}

TEST(EquivarianceTest, AGroupThatNeverVariesIsLeftOutWithAWarning) {
  v1::Policy policy = TestPolicy();
  policy.mutable_flip()->set_probability(1);
  const auto options = Options(MakeTestModel({.policy = policy}), MakeTestImages(40));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  EXPECT_THAT(evaluation.warnings(), ElementsAre(HasSubstr("flip is the same in all views")));
}

TEST(EquivarianceTest, RefusesWhatCannotBeMeasured) {
  const std::string images = MakeTestImages(20), model = MakeTestModel({});
  auto options = Options(model, images);
  options.set_num_images(7);
  EXPECT_THAT(Measure(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("--num_images=7: learning")));
  options = Options(model, images);
  options.set_policy("evaluation");
  EXPECT_THAT(Measure(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         HasSubstr("the same by policy evaluation")));
  options = Options(model, images);
  options.set_views(5);
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--views=5")));
  options = Options(model, images);
  options.add_groups("blur");
  EXPECT_THAT(Measure(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("blur")));
  // In the place of the others.
  EXPECT_THAT(
      Measure(Options(model, MakeTestImages(7))),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("split 'train' has 7 images: ")));
}

}  // namespace
}  // namespace cassle
