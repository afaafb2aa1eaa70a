// Conditioning by channels of the image: what stands in the folder, and where it is refused.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <memory>
#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What embed does with the folder, and the same by hand.
TEST(PretrainImageChannelsTest, TheFolderAloneTellsWhatAnUnaugmentedImageLooksLike) {
  for (const v1::Treatment treatment : {v1::RAW, v1::MLP}) {
    v1::PretrainOptions options = TinyRun("simclr", 1);
    options.mutable_conditioning()->set_treatment(treatment);
    options.mutable_conditioning()->set_injection(v1::IMAGE_CHANNELS);
    if (treatment == v1::MLP) options.mutable_conditioning()->set_width(7);
    options.mutable_conditioning()->add_groups("crop");
    options.mutable_conditioning()->add_groups("flip");
    ASSERT_OK(Train(options));
    ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
    const auto& channels = spec.backbone().extra_channels();
    const std::vector<float> values(channels.begin(), channels.end());
    if (treatment == v1::RAW) {
      // The whole image, not mirrored.
      EXPECT_THAT(values, ElementsAre(0.5f, 0.5f, 1, 1, 0));
    } else {
      EXPECT_EQ(values.size(), 7u);
      EXPECT_THAT(values, ::testing::Contains(::testing::Ne(0.0f)));
    }
    EXPECT_THAT(spec.provenance(), HasSubstr("as image channels (crop, flip)"));
    ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> backbone, LoadBackbone(options.output()));
    EXPECT_EQ(backbone->named_parameters()[0].tensor.size(1),
              3 + static_cast<int64_t>(values.size()));
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FrozenEncoder> encoder,
                         FrozenEncoder::Create(spec, backbone, {}));
    std::vector<uint8_t> pixels(32 * 32 * 3);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 7);
    ASSERT_OK_AND_ASSIGN(const std::vector<float> features, encoder->Extract(pixels));
    at::Tensor images = at::empty({1, 3 + channels.size(), 32, 32}, at::kFloat);
    for (int64_t channel = 0; channel < images.size(1); ++channel) {
      float* plane = images.data_ptr<float>() + channel * 32 * 32;
      for (int64_t i = 0; i < 32 * 32; ++i) {
        plane[i] = channel >= 3 ? values[channel - 3]
                                : static_cast<float>((pixels[3 * i + channel] / 255.0 -
                                                      spec.mean(static_cast<int>(channel))) /
                                                     spec.std(static_cast<int>(channel)));
      }
    }
    const at::Tensor expected = backbone->forward(images);
    ASSERT_EQ(expected.numel(), static_cast<int64_t>(features.size()));
    for (int64_t i = 0; i < expected.numel(); ++i) {
      // Another memory format, another order of sums.
      EXPECT_NEAR(features[i], expected.data_ptr<float>()[i], 1e-4);
    }
  }
}

TEST(PretrainImageChannelsTest, OfDifferencesAnUnaugmentedImageHasNone) {
  v1::PretrainOptions options = TinyRun("simclr", 1);
  options.mutable_conditioning()->set_treatment(v1::RAW);
  options.mutable_conditioning()->set_injection(v1::IMAGE_CHANNELS);
  options.mutable_conditioning()->set_relative(true);
  options.mutable_conditioning()->add_groups("crop");
  ASSERT_OK(Train(options));
  ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
  EXPECT_THAT(spec.backbone().extra_channels(), ElementsAre(0, 0, 0, 0));
}

TEST(PretrainImageChannelsTest, AreRefusedWhereTheyMakeNoSense) {
  v1::PretrainOptions options = TinyRun("byol", 1);
  options.mutable_conditioning()->set_injection(v1::IMAGE_CHANNELS);
  options.mutable_conditioning()->set_predictor(true);
  const auto kUsage = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("a predictor sees no image")));
  options.mutable_conditioning()->set_predictor(false);
  options.mutable_conditioning()->set_treatment(v1::HYPERNETWORK);
  EXPECT_THAT(Train(options),
              StatusIs(kUsage, HasSubstr("--conditioning.injection=image_channels")));
  options.mutable_conditioning()->set_treatment(v1::MLP);
  options.mutable_monitor()->set_every_epochs(1);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("choose --conditioning=raw")));
  options = TinyRun("byol", 1);
  options.mutable_backbone()->add_extra_channels(1);
  EXPECT_THAT(Train(options), StatusIs(kUsage, HasSubstr("--backbone.extra_channels")));
}

}  // namespace
}  // namespace cassle
