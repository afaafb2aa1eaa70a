#include "cassle/ssl/method/layer_decay.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/backbone.h"

namespace cassle {
namespace {

std::vector<NamedTensor> ParametersOf(const std::string& architecture,
                                      v1::BackboneConfig config = {}) {
  config.set_architecture(architecture);
  config = ResolveBackbone(config, 32).value();
  std::vector<NamedTensor> parameters;
  for (const NamedTensor& parameter : MakeBackbone(config, 1).value()->named_parameters()) {
    parameters.push_back({"backbone." + parameter.name, parameter.tensor});
  }
  parameters.push_back({"projector.mlp.0.weight", at::zeros({2, 2})});
  return parameters;
}

// The group that has the parameter.
const ParameterGroup* Find(const std::vector<ParameterGroup>& groups, const std::string& name) {
  for (const ParameterGroup& group : groups) {
    for (const NamedTensor& parameter : group.parameters) {
      if (parameter.name == name) return &group;
    }
  }
  ADD_FAILURE() << name;
  return &groups.front();
}

TEST(LayerDecayTest, EveryResidualBlockHasTheRateOfTheOneAboveTimesTheDecay) {
  const auto groups = GroupByLayer({{ParametersOf("resnet18")}}, 0.5);
  // The stem, 8 blocks, the head.
  ASSERT_EQ(groups.size(), 10u);
  EXPECT_EQ(Find(groups, "projector.mlp.0.weight")->rate_scale, 1);
  EXPECT_EQ(Find(groups, "backbone.layer4.1.conv2.weight")->rate_scale, 0.5);
  EXPECT_EQ(Find(groups, "backbone.layer4.0.downsample.0.weight")->rate_scale, 0.25);
  EXPECT_EQ(Find(groups, "backbone.layer1.0.conv1.weight")->rate_scale, 1.0 / 256);
  EXPECT_EQ(Find(groups, "backbone.bn1.weight")->rate_scale, 1.0 / 512);
  EXPECT_EQ(Find(groups, "backbone.conv1.weight")->rate_scale, 1.0 / 512);
}

TEST(LayerDecayTest, ATransformersLastNormGoesWithTheHead) {
  const auto groups = GroupByLayer({{ParametersOf("vit_tiny")}}, 0.5);
  // Class token and what else is trained before the blocks, 12 blocks, norm and head.
  ASSERT_EQ(groups.size(), 14u);
  EXPECT_EQ(Find(groups, "backbone.norm.weight")->rate_scale, 1);
  EXPECT_EQ(Find(groups, "backbone.blocks.11.attn.qkv.weight")->rate_scale, 0.5);
  EXPECT_EQ(Find(groups, "backbone.blocks.0.mlp.fc1.bias")->rate_scale, 1.0 / 4096);
  EXPECT_EQ(Find(groups, "backbone.cls_token")->rate_scale, 1.0 / 8192);
}

TEST(LayerDecayTest, RegistersGoWithTheClassTokenAndLayerScalesWithTheirBlock) {
  v1::BackboneConfig config;
  config.set_registers(4);
  config.set_layer_scale(0.1);
  const auto groups = GroupByLayer({{ParametersOf("vit_tiny", config)}}, 0.5);
  ASSERT_EQ(groups.size(), 14u);
  EXPECT_EQ(Find(groups, "backbone.reg_token")->rate_scale, 1.0 / 8192);
  EXPECT_EQ(Find(groups, "backbone.blocks.11.ls2.gamma")->rate_scale, 0.5);
  EXPECT_EQ(Find(groups, "backbone.blocks.0.ls1.gamma")->rate_scale, 1.0 / 4096);
}

TEST(LayerDecayTest, AConvNextsDownsamplingGoesWithTheFirstBlockOfItsStage) {
  v1::BackboneConfig config;
  config.set_width_factor(0.125);
  const auto groups = GroupByLayer({{ParametersOf("convnext_tiny", config)}}, 0.5);
  // The stem, 18 blocks, the last norm and the head.
  ASSERT_EQ(groups.size(), 20u);
  EXPECT_EQ(Find(groups, "backbone.head.norm.weight")->rate_scale, 1);
  EXPECT_EQ(Find(groups, "backbone.stages.3.blocks.2.gamma")->rate_scale, 0.5);
  EXPECT_EQ(Find(groups, "backbone.stages.3.blocks.0.mlp.fc1.bias")->rate_scale, 0.125);
  EXPECT_EQ(Find(groups, "backbone.stages.3.downsample.1.weight")->rate_scale, 0.125);
  EXPECT_EQ(Find(groups, "backbone.stem.1.bias")->rate_scale, std::pow(0.5, 19));
}

TEST(LayerDecayTest, WhatAMethodGroupsApartStaysApart) {
  // As Barlow Twins, whose biases have a rate of their own, and SimSiam, whose predictor keeps its.
  ParameterGroup weights, biases, predictor;
  for (const NamedTensor& parameter : ParametersOf("resnet18")) {
    (parameter.tensor.dim() == 1 ? biases : weights).parameters.push_back(parameter);
  }
  biases.rate_scale = 0.1;
  predictor.parameters.push_back({"predictor.mlp.0.weight", at::zeros({2, 2})});
  predictor.constant_rate = true;
  const auto groups = GroupByLayer({weights, biases, predictor}, 0.5);
  EXPECT_EQ(Find(groups, "backbone.layer4.1.conv2.weight")->rate_scale, 0.5);
  EXPECT_EQ(Find(groups, "backbone.layer4.1.bn2.weight")->rate_scale, 0.05);
  EXPECT_EQ(Find(groups, "backbone.conv1.weight")->rate_scale, 1.0 / 512);
  EXPECT_EQ(Find(groups, "backbone.bn1.bias")->rate_scale, 0.1 / 512);
  EXPECT_EQ(Find(groups, "predictor.mlp.0.weight")->rate_scale, 1);
  EXPECT_TRUE(Find(groups, "predictor.mlp.0.weight")->constant_rate);
  EXPECT_FALSE(Find(groups, "projector.mlp.0.weight")->constant_rate);
}

TEST(LayerDecayTest, EveryParameterIsInOneGroup) {
  for (const char* architecture : {"resnet50", "vit_tiny", "convnext_tiny"}) {
    const auto parameters = ParametersOf(architecture);
    size_t count = 0;
    for (const ParameterGroup& group : GroupByLayer({{parameters}}, 0.9)) {
      count += group.parameters.size();
    }
    EXPECT_EQ(count, parameters.size());
  }
}

}  // namespace
}  // namespace cassle
