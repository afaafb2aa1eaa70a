#include "cassle/features/frozen_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/features/model_testutil.h"
#include "cassle/features/training_views.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/runtime/device.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<uint8_t> Pixels(int images, const FrozenEncoder& encoder) {
  std::vector<uint8_t> pixels(images * encoder.input_bytes());
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 7 + i / 11);
  return pixels;
}

TEST(FrozenEncoderTest, ExtractGivesTheLastLayerBitForBit) {
  const std::string folder = MakeTestModel({});
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> encoder,
                       FrozenEncoder::Load(folder, {}));
  const std::vector<uint8_t> pixels = Pixels(3, *encoder);
  ASSERT_OK_AND_ASSIGN(const std::vector<float> features, encoder->Extract(pixels));
  ASSERT_OK_AND_ASSIGN(const std::vector<at::Tensor> layers, encoder->Layers(pixels));
  ASSERT_EQ(layers.size(), FrozenEncoder::LayerNames().size());
  const at::Tensor last = layers.back().contiguous();
  ASSERT_EQ(last.numel(), static_cast<int64_t>(features.size()));
  for (int64_t i = 0; i < last.numel(); ++i) EXPECT_EQ(features[i], last.data_ptr<float>()[i]);
}

TEST(FrozenEncoderTest, BatchStatisticsMakeARowDependOnItsBatch) {
  const std::string folder = MakeTestModel({});
  for (const bool of_batch : {false, true}) {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> encoder,
                         FrozenEncoder::Load(folder, {.batch_statistics = of_batch}));
    std::vector<uint8_t> pixels = Pixels(2, *encoder);
    ASSERT_OK_AND_ASSIGN(const std::vector<float> before, encoder->Extract(pixels));
    // The second image only.
    for (size_t i = pixels.size() / 2; i < pixels.size(); ++i) pixels[i] /= 2;
    ASSERT_OK_AND_ASSIGN(const std::vector<float> after, encoder->Extract(pixels));
    EXPECT_NE(before.back(), after.back());
    EXPECT_EQ(before[0] == after[0], !of_batch);
  }
}

TEST(FrozenEncoderTest, TheProjectorIsThereIfAskedForAndReadsDescriptorsOfTheTrainingViews) {
  const std::string folder = MakeTestModel({.conditioning = TestConditioning()});
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> without,
                       FrozenEncoder::Load(folder, {}, /*projector=*/false));
  EXPECT_FALSE(without->has_projector());
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> encoder,
                       FrozenEncoder::Load(folder, {}));
  ASSERT_TRUE(encoder->is_told());
  ASSERT_OK_AND_ASSIGN(const TrainingViews views,
                       LoadTrainingViews({folder, "", "", {}}, *encoder));
  ASSERT_OK_AND_ASSIGN(const std::vector<at::Tensor> layers, encoder->Layers(Pixels(2, *encoder)));
  std::vector<float> told(2 * views.layout.size(), 0.5f);
  ASSERT_OK_AND_ASSIGN(const at::Tensor z, encoder->Project(layers.back(), told));
  told.back() = 1;
  ASSERT_OK_AND_ASSIGN(const at::Tensor other, encoder->Project(layers.back(), told));
  EXPECT_EQ((z - other).abs().sum(1)[0].item().toDouble(), 0);
  EXPECT_GT((z - other).abs().sum(1)[1].item().toDouble(), 0);
}

TEST(FrozenEncoderTest, AProjectorMayReadTheFirstFeaturesAndRefusesOtherReadouts) {
  ASSERT_OK_AND_ASSIGN(const auto loaded, FrozenEncoder::Load(MakeTestModel({}), {}));
  const int64_t size = loaded->feature_size();
  ASSERT_OK_AND_ASSIGN(
      const auto projector,
      MakeConditionedProjector({}, 0, {.in = size - 2, .out = 3, .depth = 1}, /*seed=*/1));
  ASSERT_OK_AND_ASSIGN(auto backbone, MakeBackbone(loaded->spec().backbone(), /*seed=*/1));
  ASSERT_OK_AND_ASSIGN(const auto encoder,
                       FrozenEncoder::Create(loaded->spec(), backbone, {}, projector));
  ASSERT_OK_AND_ASSIGN(std::vector<float> features, encoder->Extract(Pixels(1, *encoder)));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> projection, encoder->Project(features));
  EXPECT_EQ(projection.size(), 3u);
  features[size - 1] += 1;
  features[size - 2] += 1;
  ASSERT_OK_AND_ASSIGN(const std::vector<float> same, encoder->Project(features));
  EXPECT_EQ(same, projection);
  features[size - 3] += 1;
  ASSERT_OK_AND_ASSIGN(const std::vector<float> other, encoder->Project(features));
  EXPECT_NE(other, projection);
  EXPECT_FALSE(encoder->Project(at::ones({1, 2 * size}), {}).ok());
}

TEST(FrozenEncoderTest, AProjectorThatWasToldDifferencesHasNoViewsByThemselves) {
  v1::ConditioningConfig conditioning = TestConditioning();
  conditioning.set_relative(true);
  const std::string folder = MakeTestModel({.conditioning = conditioning});
  ASSERT_OK_AND_ASSIGN(const auto encoder, FrozenEncoder::Load(folder, {}));
  EXPECT_THAT(LoadTrainingViews({folder, "", "", {}}, *encoder),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(folder), HasSubstr("--backbone_only=true"))));
  ASSERT_OK_AND_ASSIGN(const auto backbone, FrozenEncoder::Load(folder, {}, /*projector=*/false));
  EXPECT_OK(LoadTrainingViews({folder, "", "", {}}, *backbone));
}

TEST(FrozenEncoderTest, ADamagedPolicyOfTheFolderIsDamageAndNoMistakeInTheOptions) {
  const std::string folder = MakeTestModel({.name = "damaged_policy"});
  ASSERT_OK_AND_ASSIGN(const auto encoder, FrozenEncoder::Load(folder, {}));
  ASSERT_OK(WriteFile(JoinPath(folder, "policy.textproto"), "size: -1"));
  EXPECT_THAT(LoadTrainingViews({folder, "", "", {}}, *encoder),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("policy.textproto: policy ")));
}

TEST(FrozenEncoderTest, WhatLibTorchThrowsIsAStatus) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> encoder,
                       FrozenEncoder::Load(MakeTestModel({}), {}));
  EXPECT_THAT(encoder->Extract(std::vector<uint8_t>(encoder->input_bytes() + 1)),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("the encoder failed: ")));
}

TEST(FrozenEncoderTest, ADeviceThatIsNotThereIsRefusedAndTheProcessorChangesNothing) {
  const std::string folder = MakeTestModel({.conditioning = TestConditioning()});
  EXPECT_THAT(FrozenEncoder::Load(folder, {.device = "cuda:99"}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--device=cuda:99")));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> there,
                       FrozenEncoder::Load(folder, {.device = "cpu"}));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> unmoved,
                       FrozenEncoder::Load(folder, {}));
  EXPECT_EQ(there->Extract(Pixels(2, *there)), unmoved->Extract(Pixels(2, *unmoved)));
}

TEST(FrozenEncoderTest, OnAGpuTheValuesAreNearThoseOfTheProcessor) {
  if (!ResolveDevice("cuda").ok()) GTEST_SKIP() << "no GPU";
  const std::string folder = MakeTestModel({.conditioning = TestConditioning()});
  std::vector<at::Tensor> projections;
  for (const char* device : {"cpu", "cuda"}) {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> encoder,
                         FrozenEncoder::Load(folder, {.device = device}));
    ASSERT_OK_AND_ASSIGN(const std::vector<at::Tensor> layers,
                         encoder->Layers(Pixels(2, *encoder)));
    const std::vector<float> told(2 * encoder->projector_spec().descriptor_size(), 0.25f);
    ASSERT_OK_AND_ASSIGN(const at::Tensor projection, encoder->Project(layers.back(), told));
    projections.push_back(projection.cpu());
  }
  const double scale = projections[0].abs().max().item().toDouble();
  EXPECT_LT((projections[0] - projections[1]).abs().max().item().toDouble() / scale, 1e-4);
}

TEST(FrozenEncoderTest, ImagesAreNotResizedBelowTheModelsSize) {
  EXPECT_THAT(FrozenEncoder::Load(MakeTestModel({}), {.resize_px = 15}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("15 is below")));
}

}  // namespace
}  // namespace cassle
