#include "cassle/models/networks/convnext.h"

#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/sum.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_model.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/models/testing/gradient_check.h"
#include "cassle/runtime/precision.h"
#include "cassle/runtime/torch_version.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

v1::BackboneConfig Config(const std::string& architecture = "convnext_tiny",
                          double width_factor = 0.125) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  config.set_width_factor(width_factor);
  return config;
}

std::shared_ptr<Backbone> Make(const v1::BackboneConfig& config) {
  return MakeBackbone(config, 1).value();
}

at::Tensor Images(int64_t side) { return GoldenRuleTensor("input.images", {2, 3, side, side}); }

at::Tensor Find(const Module& module, const std::string& name) {
  for (const NamedTensor& entry : module.state()) {
    if (entry.name == name) return entry.tensor;
  }
  ADD_FAILURE() << "no " << name;
  return at::Tensor();
}

// As timm counts without the classifier.
TEST(ConvNextTest, HasAsManyParametersAsPublished) {
  const std::shared_ptr<Backbone> tiny = Make(Config("convnext_tiny", 1));
  int64_t count = 0;
  for (const at::Tensor& parameter : tiny->parameters()) count += parameter.numel();
  EXPECT_EQ(count, 27820128);
  EXPECT_EQ(tiny->feature_size(), 768);
}

TEST(ConvNextTest, StagesHalveTheSidesAndDoubleTheChannels) {
  const std::vector<at::Tensor> stages = Make(Config())->ForwardStages(Images(72));
  ASSERT_EQ(stages.size(), 6u);
  EXPECT_EQ(stages[0].sizes(), at::IntArrayRef({2, 16, 18, 18}));
  EXPECT_EQ(stages[1].sizes(), at::IntArrayRef({2, 16, 18, 18}));
  EXPECT_EQ(stages[2].sizes(), at::IntArrayRef({2, 24, 9, 9}));
  EXPECT_EQ(stages[3].sizes(), at::IntArrayRef({2, 48, 4, 4}));
  EXPECT_EQ(stages[4].sizes(), at::IntArrayRef({2, 96, 2, 2}));
  EXPECT_EQ(stages[5].sizes(), at::IntArrayRef({2, 96}));
}

TEST(ConvNextTest, WeightsStartAsInTheAuthorsCode) {
  const std::shared_ptr<Backbone> network = Make(Config());
  EXPECT_EQ(Find(*network, "stages.2.blocks.8.gamma").min().item<float>(), 1e-6f);
  EXPECT_EQ(Find(*network, "stages.0.blocks.0.conv_dw.bias").abs().max().item<float>(), 0);
  const at::Tensor weight = Find(*network, "stages.3.blocks.1.mlp.fc1.weight").to(at::kDouble);
  // 36,864 draws: within five standard errors, 2 %.
  EXPECT_NEAR(std::sqrt((weight * weight).mean().item<double>()), 0.02, 0.0004);
}

TEST(ConvNextTest, GradientsEqualFiniteDifferences) {
  v1::BackboneConfig config = Config();
  config.set_layer_scale(1);
  const std::shared_ptr<Backbone> network = Make(config);
  network->ToDtype(at::kDouble);
  const at::Tensor images = Images(32).to(at::kDouble);
  const auto loss = [&] { return network->forward(images).narrow(1, 0, 7).pow(2).sum(); };
  ExpectGradientsEqualFiniteDifferences(
      network->named_parameters(),
      {"stem.0.weight", "stages.1.downsample.1.bias", "stages.0.blocks.2.gamma",
       "stages.2.blocks.4.conv_dw.weight", "stages.3.blocks.0.mlp.fc2.weight"},
      loss);
}

TEST(ConvNextTest, TheSameInEitherMemoryLayout) {
  const at::Tensor images = Images(64);
  const at::Tensor features = Make(Config())->forward(images);
  EXPECT_TRUE(at::equal(features, Make(Config())->forward(images)));
  const std::shared_ptr<Backbone> channels_last = Make(Config());
  channels_last->ToChannelsLast();
  EXPECT_LT(
      RelativeDifference(channels_last->forward(images.contiguous(at::MemoryFormat::ChannelsLast)),
                         features),
      1e-5);
}

TEST(ConvNextTest, UnderAutocastItTrainsAndFeaturesStayFloat32AndNearby) {
  if (ProcessorBfloat16() == Bfloat16Support::kNone) GTEST_SKIP() << "a processor with AVX-512";
  v1::BackboneConfig config = Config();
  config.set_layer_scale(1);
  const std::shared_ptr<Backbone> network = Make(config);
  const at::Tensor exact = network->forward(Images(64));
  SetAutocastType(at::kCPU, at::kBFloat16);
  SetAutocastEnabled(at::kCPU, true);
  const at::Tensor rounded = network->forward(Images(64));
  SetAutocastEnabled(at::kCPU, false);
  at::autocast::clear_cache();
  at::sum(rounded * rounded).backward();
  EXPECT_EQ(rounded.scalar_type(), at::kFloat);
  // bfloat16 has 8 bits; 18 residual branches add up.
  EXPECT_LT(RelativeDifference(rounded, exact), 0.05);
  EXPECT_FALSE(at::equal(rounded, exact));
  for (const NamedTensor& parameter : network->named_parameters()) {
    EXPECT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
  }
}

TEST(ConvNextTest, WhatDoesNotFitIsRefused) {
  EXPECT_THROW(Make(Config())->forward(Images(31)), c10::Error);
  v1::BackboneConfig config = Config();
  config.set_registers(4);
  EXPECT_THAT(MakeBackbone(config, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("backbone.registers has no meaning for convnext_tiny")));
}

}  // namespace
}  // namespace cassle
