#include "cassle/models/networks/drop_path.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "cassle/models/networks/backbone.h"

namespace cassle {
namespace {

double Value(const at::Tensor& scalar) { return scalar.item().toDouble(); }

TEST(DropPathTest, WholeRowsAreLeftOutAndTheMeanStays) {
  DropPath drop_path(0.5, 1);
  drop_path.Begin(3, 0);
  const int64_t rows = 20000;
  const double rate = 0.3;
  const at::Tensor dropped = drop_path.Drop(at::ones({rows, 2}), 4, rate);
  EXPECT_TRUE(dropped.select(1, 0).equal(dropped.select(1, 1)));
  EXPECT_TRUE(((dropped == 0) | ((dropped - 1 / (1 - rate)).abs() < 1e-6)).all().item().toBool());
  // Four standard errors of the mean.
  EXPECT_NEAR(Value(dropped.mean()), 1, 4 * std::sqrt(rate / (1 - rate) / rows));
}

TEST(DropPathTest, ARowIsDroppedWhereverItsShareOfTheBatchIsComputed) {
  DropPath drop_path(0.5, 1);
  const at::Tensor ones = at::ones({64, 1});
  drop_path.Begin(3, 0);
  const at::Tensor all = drop_path.Drop(ones, 4, 0.5);
  EXPECT_FALSE(drop_path.Drop(ones, 5, 0.5).equal(all));
  drop_path.Begin(3, 40);
  EXPECT_TRUE(drop_path.Drop(at::ones({24, 1}), 4, 0.5).equal(all.narrow(0, 40, 24)));
  drop_path.Begin(4, 0);
  EXPECT_FALSE(drop_path.Drop(ones, 4, 0.5).equal(all));
}

TEST(DropPathTest, TheRateRisesFromNothingToThatOfTheLastBlock) {
  const auto drop_path = std::make_shared<DropPath>(0.4, 1);
  const int64_t rows = 20000;
  for (const auto& [block, rate] : {std::pair(0, 0.0), {1, 0.2}, {2, 0.4}}) {
    const at::Tensor dropped =
        DroppedBranch(drop_path, block, 3).Apply(at::ones({rows}), /*training=*/true);
    EXPECT_NEAR(Value((dropped == 0).to(at::kFloat).mean()), rate, 0.015) << block;
  }
  EXPECT_FALSE(DroppedBranch(drop_path, 0, 1).drops());
}

TEST(DropPathTest, BackbonesDropInTrainingOnlyAndAtAnyRateButNone) {
  for (const char* name : {"resnet18", "vit_tiny", "convnext_tiny"}) {
    v1::BackboneConfig config;
    config.set_architecture(name);
    if (name != std::string("vit_tiny")) config.set_width_factor(0.125);
    if (name == std::string("resnet18")) config.set_zero_init_residual(false);
    if (name == std::string("convnext_tiny")) config.set_layer_scale(1);
    const auto backbone = MakeBackbone(ResolveBackbone(config, 32).value(), 1).value();
    at::Tensor images = at::ones({4, 3, 32, 32});
    for (int64_t i = 0; i < 4; ++i) images[i][i % 3].mul_(-1 - i);
    auto* branches = dynamic_cast<HasResidualBranches*>(backbone.get());
    ASSERT_NE(branches, nullptr) << name;
    const at::Tensor trained = backbone->forward(images);
    backbone->eval();
    const at::Tensor evaluated = backbone->forward(images);
    branches->Use(std::make_shared<DropPath>(0.5, 1));
    EXPECT_TRUE(backbone->forward(images).equal(evaluated)) << name;
    backbone->train();
    EXPECT_FALSE(backbone->forward(images).equal(trained)) << name;
    branches->Use(std::make_shared<DropPath>(0, 1));
    EXPECT_TRUE(backbone->forward(images).equal(trained)) << name;
  }
}

}  // namespace
}  // namespace cassle
