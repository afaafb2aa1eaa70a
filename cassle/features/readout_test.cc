#include "cassle/features/readout.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>

#include <memory>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/vit.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kUsage = absl::StatusCode::kInvalidArgument;

std::shared_ptr<Backbone> Make(const std::string& architecture) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  if (architecture == "resnet18") config.set_width_factor(0.125);
  auto backbone = MakeBackbone(ResolveBackbone(config, 32).value(), 3).value();
  backbone->train(false);
  return backbone;
}

v1::Readout Of(int layer, int last_layers, v1::Readout::Tokens tokens) {
  v1::Readout readout;
  readout.set_layer(layer);
  readout.set_last_layers(last_layers);
  readout.set_tokens(tokens);
  return readout;
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item().toDouble();
}

class ReadoutTest : public ::testing::Test {
 protected:
  at::Tensor Read(const std::shared_ptr<Backbone>& backbone, const v1::Readout& readout) {
    const auto resolved = ResolveReadout(readout, *backbone);
    EXPECT_OK(resolved.status());
    return ReadOut(*resolved, *backbone, images_);
  }

  const c10::NoGradGuard no_grad_;
  const at::Tensor images_ = at::randn({2, 3, 32, 32}, at::TensorOptions(at::kFloat));
};

TEST_F(ReadoutTest, WhatIsNotChosenGivesTheFeaturesOfTheBackbone) {
  for (const char* name : {"resnet18", "vit_tiny"}) {
    const std::shared_ptr<Backbone> backbone = Make(name);
    ASSERT_OK_AND_ASSIGN(const v1::Readout readout, ResolveReadout({}, *backbone));
    EXPECT_TRUE(IsUsual(readout, *backbone));
    EXPECT_EQ(LargestDifference(ReadOut(readout, *backbone, images_), backbone->forward(images_)),
              0);
  }
}

TEST_F(ReadoutTest, LayersOfATransformerAreItsTokensAfterTheLastNorm) {
  const std::shared_ptr<Backbone> backbone = Make("vit_tiny");
  auto& vit = dynamic_cast<VisionTransformer&>(*backbone);
  const std::vector<at::Tensor> tokens = vit.ForwardTokens(images_);
  // As drawn, the norm has weights 1 and biases 0.
  const auto normed = [&](int layer) {
    return at::layer_norm(tokens[layer], {backbone->feature_size()}, {}, {}, 1e-6);
  };
  const at::Tensor seventh = normed(7);
  EXPECT_LT(LargestDifference(Read(backbone, Of(7, 1, v1::Readout::CLASS)), seventh.select(1, 0)),
            1e-5);
  EXPECT_LT(LargestDifference(Read(backbone, Of(7, 1, v1::Readout::MEAN)),
                              seventh.narrow(1, 1, 64).mean(1)),
            1e-5);
  // 8 x 8 patches of 4 px, those of the first image first.
  const at::Tensor patches = Read(backbone, Of(7, 1, v1::Readout::PATCHES));
  ASSERT_EQ(patches.size(0), 2 * 64);
  EXPECT_LT(LargestDifference(patches[64 + 9], seventh[1][1 + 9]), 1e-5);
  const at::Tensor mean =
      (normed(12).select(1, 0) + normed(11).select(1, 0) + normed(10).select(1, 0)) / 3;
  EXPECT_LT(LargestDifference(Read(backbone, Of(0, 3, v1::Readout::TOKENS_UNSPECIFIED)), mean),
            1e-5);
}

TEST_F(ReadoutTest, StagesOfAResidualNetworkAreReadByPosition) {
  const std::shared_ptr<Backbone> backbone = Make("resnet18");
  const std::vector<at::Tensor> stages = backbone->ForwardStages(images_);
  EXPECT_LT(LargestDifference(Read(backbone, Of(2, 1, v1::Readout::MEAN)), stages[2].mean({2, 3})),
            1e-5);
  const at::Tensor patches = Read(backbone, Of(2, 1, v1::Readout::PATCHES));
  const int64_t side = stages[2].size(2);
  ASSERT_EQ(patches.size(0), 2 * side * side);
  EXPECT_EQ(LargestDifference(patches[side * side + side + 3],
                              stages[2].select(0, 1).select(1, 1).select(1, 3)),
            0);
}

TEST_F(ReadoutTest, WhatABackboneDoesNotHaveIsNamed) {
  const std::shared_ptr<Backbone> resnet = Make("resnet18"), vit = Make("vit_tiny");
  EXPECT_THAT(ResolveReadout(Of(5, 1, v1::Readout::MEAN), *resnet),
              StatusIs(kUsage, AllOf(HasSubstr("--layer=5"), HasSubstr("has 4 layers"))));
  EXPECT_THAT(ResolveReadout(Of(0, 1, v1::Readout::CLASS), *resnet),
              StatusIs(kUsage, HasSubstr("has no class token")));
  EXPECT_THAT(ResolveReadout(Of(0, 2, v1::Readout::MEAN), *resnet),
              StatusIs(kUsage, HasSubstr("different widths")));
  EXPECT_THAT(ResolveReadout(Of(3, 4, v1::Readout::MEAN), *vit),
              StatusIs(kUsage, HasSubstr("--last_layers=4: there are 3")));
}

}  // namespace
}  // namespace cassle
