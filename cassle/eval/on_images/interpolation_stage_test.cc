#include "cassle/eval/on_images/interpolation_stage.h"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/eval/result/evaluation_testutil.h"
#include "cassle/features/model_testutil.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

v1::InterpolationOptions Options(const std::string& model, const std::string& images) {
  v1::InterpolationOptions options;
  options.set_model(model);
  options.set_input(images);
  options.set_num_images(0);
  options.set_batch_size(4);
  options.set_output(images + ".interpolation");
  return options;
}

absl::StatusOr<v1::Evaluation> Measure(const v1::InterpolationOptions& options, int threads = 2) {
  return EvaluationOf(InterpolationInfo(), options, RunInterpolation, threads);
}

TEST(InterpolationStageTest, StrengthThatChangesNothingHasSimilarityOneAndOthersLess) {
  const auto options =
      Options(MakeTestModel({.conditioning = TestConditioning()}), MakeTestImages(6));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  ASSERT_EQ(evaluation.charts_size(), 6);
  for (size_t s = 0; s < Sweeps().size(); ++s) {
    const Sweep& sweep = Sweeps()[s];
    const v1::Chart& chart = evaluation.charts(static_cast<int>(s));
    EXPECT_EQ(chart.name(), absl::StrCat("interpolation: ", sweep.parameter));
    ASSERT_EQ(chart.series_size(), 8);
    EXPECT_EQ(chart.series(5).name(), "backbone");
    EXPECT_EQ(chart.series(6).name(), "projector");
    EXPECT_EQ(chart.series(7).name(), "projector, told of no change");
    for (const v1::ChartLine& line : chart.series()) {
      SCOPED_TRACE(absl::StrCat(sweep.parameter, ", ", line.name()));
      // What the projector is told of a jitter without effect is what it is told of none.
      EXPECT_NEAR(line.y(sweep.identity), 1, 1e-6);
    }
    // The stem changes with every strength.
    const v1::ChartLine& stem = chart.series(0);
    for (int i = 0; i < stem.y_size(); ++i) {
      // A blur with a small sigma, or a crop one pixel smaller, may round to the same bytes.
      if (std::abs(i - sweep.identity) <= 3) continue;
      EXPECT_LT(stem.y(i), 1 - 1e-7) << sweep.parameter << i;
    }
  }
}

// In the authors' script every strength is multiplied onto those before it.
TEST(InterpolationStageTest, EveryStrengthStartsFromTheOriginal) {
  for (const Sweep& sweep : Sweeps()) {
    SCOPED_TRACE(sweep.parameter);
    ASSERT_TRUE(std::is_sorted(sweep.strengths.begin(), sweep.strengths.end()));
    v1::ViewRecord record, alone;
    for (v1::ViewRecord* of : {&record, &alone}) {
      of->set_source_height(32);
      of->set_source_width(48);
      of->set_size(16);
    }
    for (double strength : sweep.strengths) sweep.set(strength, TestPolicy(), &record);
    sweep.set(sweep.strengths.back(), TestPolicy(), &alone);
    EXPECT_EQ(PrintTextProto(record), PrintTextProto(alone));
  }
  const Sweep& brightness = Sweeps().front();
  v1::ViewRecord record;
  brightness.set(brightness.strengths.back(), TestPolicy(), &record);
  EXPECT_EQ(record.color_jitter().brightness(), 2);
  EXPECT_EQ(record.color_jitter().contrast(), 1);
  EXPECT_EQ(brightness.strengths[brightness.identity], 1);
}

TEST(InterpolationStageTest, AnEncoderThatSeesOneColourlessPlaneKeepsSimilarityOneOverHue) {
  const auto see_nothing_of_colour = [](Backbone* backbone) {
    at::NoGradGuard no_grad;
    for (NamedTensor& parameter : backbone->named_parameters()) {
      if (parameter.name == "conv1.weight") parameter.tensor.zero_();
      if (parameter.name == "bn1.bias") parameter.tensor.fill_(1);
    }
  };
  const auto options = Options(MakeTestModel({.change = see_nothing_of_colour}), MakeTestImages(4));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  for (const v1::Chart& chart : evaluation.charts()) {
    for (int layer = 0; layer < 6; ++layer) {
      for (double y : chart.series(layer).y()) EXPECT_NEAR(y, 1, 1e-6) << chart.name();
    }
  }
}

TEST(InterpolationStageTest, ThreadsChangeNoByteAndTheLastBatchMayBeSmaller) {
  auto options = Options(MakeTestModel({.conditioning = TestConditioning()}), MakeTestImages(9));
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options, 1));
  EXPECT_EQ(evaluation.sets(0).num_rows(), 9);
  const auto file = JoinPath(options.output(), "result.textproto");
  ASSERT_OK_AND_ASSIGN(const std::string one, ReadFile(file));
  ASSERT_OK(Measure(options, 3));
  EXPECT_EQ(ReadFile(file).value(), one);
}

TEST(InterpolationStageTest, OfBatchStatisticsIncompleteBatchesAreLeftOut) {
  auto options = Options(MakeTestModel({}), MakeTestImages(9));
  options.set_bn_mode(v1::TRAIN);
  ASSERT_OK_AND_ASSIGN(const v1::Evaluation evaluation, Measure(options));
  EXPECT_EQ(evaluation.sets(0).num_rows(), 8);
  EXPECT_EQ(evaluation.scores(0).num_test(), 8);
  options.set_num_images(1);
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("one image only")));
}

TEST(InterpolationStageTest, RefusesWhatCannotBeMeasured) {
  const std::string images = MakeTestImages(4);
  auto options = Options(MakeTestModel({}), images);
  options.set_split("none");
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no split 'none'")));
  options = Options(MakeTestModel({}), images);
  options.set_num_images(-1);
  EXPECT_THAT(Measure(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("num_images")));
  const auto explode = [](Backbone* backbone) {
    at::NoGradGuard no_grad;
    for (NamedTensor& parameter : backbone->named_parameters()) {
      if (parameter.name == "bn1.weight") parameter.tensor.fill_(3e38);
      if (parameter.name == "layer1.0.bn1.weight") parameter.tensor.fill_(3e38);
      if (parameter.name == "layer1.0.bn2.weight") parameter.tensor.fill_(3e38);
    }
  };
  options = Options(MakeTestModel({.name = "broken", .change = explode}), images);
  EXPECT_THAT(Measure(options), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("diverged")));
}

}  // namespace
}  // namespace cassle
