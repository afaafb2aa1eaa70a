#include "cassle/eval/on_images/invariance_stage.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/eval/result/evaluation_testutil.h"
#include "cassle/features/model_testutil.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::InvarianceOptions Options(const std::string& model, const std::string& images) {
  v1::InvarianceOptions options;
  options.set_model(model);
  options.set_input(images);
  options.set_num_images(0);
  options.set_batch_size(6);
  options.set_output(images + ".invariance");
  return options;
}

absl::StatusOr<v1::Evaluation> Measure(const v1::InvarianceOptions& options, int threads = 2) {
  return EvaluationOf(InvarianceInfo(), options, RunInvariance, threads);
}

const v1::Chart& ChartOf(const v1::Evaluation& evaluation, const std::string& name) {
  for (const v1::Chart& chart : evaluation.charts()) {
    if (chart.name() == name) return chart;
  }
  ADD_FAILURE() << "no chart " << name;
  return v1::Chart::default_instance();
}

// The row of an operation.
const v1::ChartLine& RowOf(const v1::Evaluation& evaluation, const std::string& measure,
                           const std::string& operation) {
  for (const v1::ChartLine& line : ChartOf(evaluation, "invariance: " + measure).series()) {
    if (line.name() == operation) return line;
  }
  ADD_FAILURE() << "no operation " << operation;
  return v1::ChartLine::default_instance();
}

TEST(InvarianceStageTest, MeasuresEveryOperationAtEveryLayer) {
  const auto options =
      Options(MakeTestModel({.conditioning = TestConditioning()}), MakeTestImages(13));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  const v1::Chart& chart = ChartOf(evaluation, "invariance: matched cosine");
  EXPECT_THAT(chart.x().categories(),
              ElementsAre("stem", "block 1", "block 2", "block 3", "block 4", "backbone",
                          "projector", "projector, swapped", "projector, missing"));
  std::vector<std::string> operations;
  for (const v1::ChartLine& line : chart.series()) {
    operations.push_back(line.name());
    EXPECT_EQ(line.y_size(), 9);
    for (double y : line.y()) EXPECT_LE(std::abs(y), 1 + 1e-9);
  }
  EXPECT_THAT(operations, ElementsAre("crop", "flip", "color_jitter", "grayscale"));
  EXPECT_EQ(evaluation.encoder(), "a test");
  EXPECT_EQ(evaluation.num_features(), 64);
  // Two batches of 6; the thirteenth image is left over.
  EXPECT_EQ(evaluation.sets(0).num_rows(), 12);
  EXPECT_THAT(evaluation.warnings(), IsEmpty());
  EXPECT_THAT(ReadManifest(options.output())->notes(),
              Contains(HasSubstr("1 of 13 images fill no batch of 6 and are left out")));
}

TEST(InvarianceStageTest, AnOperationThatChangesNothingHasCosineOneEverywhere) {
  v1::Policy policy = TestPolicy();
  for (auto set : {&v1::ColorJitterPolicy::set_brightness, &v1::ColorJitterPolicy::set_contrast,
                   &v1::ColorJitterPolicy::set_saturation, &v1::ColorJitterPolicy::set_hue}) {
    (policy.mutable_color_jitter()->*set)(0);
  }
  const auto options = Options(
      MakeTestModel({.conditioning = TestConditioning(), .policy = policy}), MakeTestImages(6));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  const v1::ChartLine& row = RowOf(evaluation, "matched cosine", "color_jitter");
  for (int layer = 0; layer < 7; ++layer) EXPECT_NEAR(row.y(layer), 1, 1e-6) << layer;
  EXPECT_LT(RowOf(evaluation, "matched cosine", "crop").y(0), 0.9999);
}

TEST(InvarianceStageTest, AnEncoderThatSeesBrightnessOnlyIsInvariantToGrayscaleNotToFlips) {
  const auto see_luma = [](Backbone* backbone) {
    at::NoGradGuard no_grad;
    for (NamedTensor& parameter : backbone->named_parameters()) {
      if (parameter.name != "conv1.weight") continue;
      const at::Tensor kernel = parameter.tensor.select(1, 0).clone();
      const double luma[3] = {0.2989, 0.587, 0.114};
      for (int c = 0; c < 3; ++c) parameter.tensor.select(1, c).copy_(kernel * luma[c]);
    }
  };
  const auto options = Options(MakeTestModel({.change = see_luma}), MakeTestImages(12));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  for (int layer = 0; layer < 7; ++layer) {
    // Views are rounded to bytes.
    EXPECT_NEAR(RowOf(evaluation, "matched cosine", "grayscale").y(layer), 1, 1e-3) << layer;
  }
  EXPECT_LT(RowOf(evaluation, "matched cosine", "flip").y(0), 0.99);
}

TEST(InvarianceStageTest, TheWrongDescriptorMattersOnlyWhereDescriptorsDiffer) {
  const auto options = Options(MakeTestModel({.conditioning = TestConditioning()}),
                               MakeTestImages(12, /*square=*/true));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  // Every image is flipped, so every image's descriptor is that of every other.
  const v1::ChartLine& flip = RowOf(evaluation, "InfoNCE", "flip");
  EXPECT_EQ(flip.y(6), flip.y(7));
  EXPECT_NE(flip.y(6), flip.y(8));
  const v1::ChartLine& crop = RowOf(evaluation, "InfoNCE", "crop");
  EXPECT_NE(crop.y(6), crop.y(7));
}

TEST(InvarianceStageTest, AProjectorWithoutConditioningIsMeasuredOnce) {
  const auto options = Options(MakeTestModel({}), MakeTestImages(6));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  const v1::Chart& chart = ChartOf(evaluation, "invariance: InfoNCE");
  EXPECT_EQ(chart.x().categories_size(), 7);
  EXPECT_EQ(chart.x().categories(6), "projector");
}

TEST(InvarianceStageTest, ThreadsChangeNoByte) {
  for (const v1::BatchNormMode mode : {v1::EVAL, v1::TRAIN}) {
    auto options = Options(MakeTestModel({.conditioning = TestConditioning()}), MakeTestImages(18));
    options.set_bn_mode(mode);
    ASSERT_OK(Measure(options, 1));
    const auto file = JoinPath(options.output(), "result.textproto");
    ASSERT_OK_AND_ASSIGN(const std::string one, ReadFile(file));
    ASSERT_OK(Measure(options, 3));
    EXPECT_EQ(ReadFile(file).value(), one);
  }
}

TEST(InvarianceStageTest, BatchStatisticsAreAnotherMeasureAndTheResultSaysSo) {
  auto options = Options(MakeTestModel({}), MakeTestImages(12));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation eval, Measure(options));
  options.set_bn_mode(v1::TRAIN);
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation train, Measure(options));
  EXPECT_THAT(train.warnings(), ElementsAre(HasSubstr("--bn_mode=train")));
  EXPECT_NE(RowOf(train, "InfoNCE", "crop").y(5), RowOf(eval, "InfoNCE", "crop").y(5));
  EXPECT_EQ(train.weights_fingerprint(), eval.weights_fingerprint());
  EXPECT_NE(train.preprocess_fingerprint(), eval.preprocess_fingerprint());
}

TEST(InvarianceStageTest, AnOlderModelFolderNeedsOnlyTheNameOfItsPolicy) {
  auto options = Options(MakeTestModel({.conditioning = TestConditioning(), .described = false}),
                         MakeTestImages(6));
  EXPECT_THAT(Measure(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                         AllOf(HasSubstr("--policy"), HasSubstr("cifar"))));
  // Crop, flip, colour jitter and grayscale too: 13 values.
  options.set_policy("cifar");
  EXPECT_OK(Measure(options));
  options.set_policy("stl10");
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("was told 13 values"), HasSubstr("blur"))));
  for (const char* group : {"color", "color_diff", "crop", "flip", "grayscale"}) {
    options.add_groups(group);
  }
  EXPECT_OK(Measure(options));
}

TEST(InvarianceStageTest, AModelWithoutProjectorIsMeasuredWithAWarning) {
  auto options = Options(MakeTestModel({.with_projector = false}), MakeTestImages(6));
  ASSERT_OK_AND_ASSIGN(v1::Evaluation evaluation, Measure(options));
  EXPECT_THAT(evaluation.warnings(), ElementsAre(HasSubstr("no projector")));
  options.set_backbone_only(true);
  ASSERT_OK_AND_ASSIGN(evaluation, Measure(options));
  EXPECT_THAT(evaluation.warnings(), IsEmpty());
}

TEST(InvarianceStageTest, FeaturesThatAreNotFiniteNameOperationAndLayer) {
  const auto explode = [](Backbone* backbone) {
    at::NoGradGuard no_grad;
    for (NamedTensor& parameter : backbone->named_parameters()) {
      if (parameter.name == "layer1.0.bn1.weight") parameter.tensor.fill_(3e38);
      if (parameter.name == "layer1.0.bn2.weight") parameter.tensor.fill_(3e38);
    }
  };
  const auto options = Options(MakeTestModel({.change = explode}), MakeTestImages(6));
  EXPECT_THAT(Measure(options), StatusIs(absl::StatusCode::kDataLoss,
                                         AllOf(HasSubstr("crop, block 1"), HasSubstr("diverged"))));
}

TEST(InvarianceStageTest, RefusesWhatCannotBeMeasured) {
  const std::string images = MakeTestImages(6), model = MakeTestModel({});
  auto options = Options(model, images);
  options.set_split("none");
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no split 'none'")));
  options.set_split("one");
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("one image")));
  options = Options(model, images);
  options.set_batch_size(1);
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch_size")));
  options = Options(model, images);
  options.set_policy("evaluation");
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("operation")));
  EXPECT_THAT(Measure(Options("", images)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--model")));
  EXPECT_THAT(Measure(Options(model, "")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--input")));
  EXPECT_THAT(Measure(Options(model + ".gone", images)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(".gone")));
}

}  // namespace
}  // namespace cassle
