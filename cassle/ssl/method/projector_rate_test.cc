#include "cassle/ssl/method/projector_rate.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace cassle {
namespace {

NamedTensor Parameter(const std::string& name) { return {name, at::zeros({2, 2})}; }

TEST(ProjectorRateTest, TheProjectorAndWhatConditionsItHaveTheScaledRate) {
  const auto groups = GroupByProjector(
      {{{Parameter("backbone.conv1.weight"), Parameter("projector.mlp.0.weight"),
         Parameter("projector.conditioner.0.weight"), Parameter("predictor.mlp.0.weight")}}},
      4);
  ASSERT_EQ(groups.size(), 2u);
  ASSERT_EQ(groups[0].parameters.size(), 2u);
  EXPECT_EQ(groups[0].parameters[0].name, "backbone.conv1.weight");
  EXPECT_EQ(groups[0].parameters[1].name, "predictor.mlp.0.weight");
  EXPECT_EQ(groups[0].rate_scale, 1);
  ASSERT_EQ(groups[1].parameters.size(), 2u);
  EXPECT_EQ(groups[1].parameters[0].name, "projector.mlp.0.weight");
  EXPECT_EQ(groups[1].parameters[1].name, "projector.conditioner.0.weight");
  EXPECT_EQ(groups[1].rate_scale, 4);
}

TEST(ProjectorRateTest, WhatAMethodGroupsApartStaysApart) {
  // As Barlow Twins, whose biases have a rate of their own, and SimSiam, whose predictor keeps its.
  ParameterGroup weights, biases, predictor;
  weights.parameters = {Parameter("backbone.conv1.weight"), Parameter("projector.mlp.0.weight")};
  biases.parameters = {Parameter("backbone.bn1.bias"), Parameter("projector.mlp.0.bias")};
  biases.rate_scale = 0.1;
  predictor.parameters = {Parameter("predictor.mlp.0.weight")};
  predictor.constant_rate = true;
  const auto groups = GroupByProjector({weights, biases, predictor}, 0.5);
  ASSERT_EQ(groups.size(), 5u);
  EXPECT_EQ(groups[1].parameters[0].name, "projector.mlp.0.weight");
  EXPECT_EQ(groups[1].rate_scale, 0.5);
  EXPECT_EQ(groups[2].parameters[0].name, "backbone.bn1.bias");
  EXPECT_EQ(groups[2].rate_scale, 0.1);
  EXPECT_EQ(groups[3].rate_scale, 0.05);
  EXPECT_EQ(groups[4].parameters[0].name, "predictor.mlp.0.weight");
  EXPECT_EQ(groups[4].rate_scale, 1);
  EXPECT_TRUE(groups[4].constant_rate);
  EXPECT_FALSE(groups[1].constant_rate);
}

}  // namespace
}  // namespace cassle
