#include "cassle/models/networks/vit.h"
#include "cassle/models/networks/vit_positions.h"

#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_model.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/models/testing/gradient_check.h"
#include "cassle/runtime/precision.h"
#include "cassle/runtime/torch_version.h"
#include "cassle/stage/options.pb.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

v1::BackboneConfig Config(const std::string& architecture, int image_size, int patch_size = 0) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  config.set_image_size(image_size);
  config.set_patch_size(patch_size);
  return config;
}

std::shared_ptr<VisionTransformer> Make(const v1::BackboneConfig& config, uint64_t seed = 1) {
  return std::dynamic_pointer_cast<VisionTransformer>(MakeBackbone(config, seed).value());
}

at::Tensor Find(const std::vector<NamedTensor>& entries, const std::string& name) {
  for (const NamedTensor& entry : entries) {
    if (entry.name == name) return entry.tensor;
  }
  ADD_FAILURE() << "no " << name;
  return at::Tensor();
}

at::Tensor Images(int64_t count, int64_t size) {
  return GoldenRuleTensor("input.images", {count, 3, size, size});
}

TEST(VitTest, TokensAndFeaturesEqualTheOfficialCode) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("model_vit_small.safetensors"));
  std::shared_ptr<VisionTransformer> vit = Make(Config("vit_small", 224));
  FillByGoldenRule(vit.get());
  vit->eval();
  const at::Tensor out = GoldenTensor(golden, "out");
  const int64_t images = out.size(0);
  const at::Tensor input =
      GoldenRuleTensor("input" + std::to_string(images) + "x224", {images, 3, 224, 224}) * 0.5;
  EXPECT_TRUE(at::equal(input.flatten().slice(0, 0, 8), GoldenTensor(golden, "input.check")));
  const at::Tensor positions = GoldenTensor(golden, "pos_embed.first31");
  // The official table is computed in float32: sine and cosine of up to 13 are off by 1e-6.
  EXPECT_LT(RelativeDifference(Find(vit->state(), "pos_embed").narrow(1, 0, positions.size(1)),
                               positions),
            2e-6);
  c10::NoGradGuard no_grad;
  const std::vector<at::Tensor> tokens = vit->ForwardTokens(input);
  ASSERT_EQ(tokens.size(), 13u);
  for (int block : {0, 5, 11}) {
    const at::Tensor expected = GoldenTensor(golden, "tokens.block" + std::to_string(block));
    EXPECT_LT(RelativeDifference(
                  tokens[block + 1].narrow(1, 0, expected.size(1)).narrow(2, 0, expected.size(2)),
                  expected),
              1e-5)
        << block;
  }
  EXPECT_LT(RelativeDifference(vit->forward(input), out), 1e-5);
}

TEST(VitTest, NamesShapesOrderAndCountsAreTheOfficialCodes) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("model_shapes.safetensors"));
  for (const std::string name : {"vit_small", "vit_base"}) {
    std::shared_ptr<VisionTransformer> vit = Make(Config(name, 224));
    const at::Tensor order = GoldenTensor(golden, name + "/#order");
    const at::Tensor count = GoldenTensor(golden, name + "/#count");
    const std::vector<NamedTensor> state = vit->state();
    ASSERT_EQ(static_cast<int64_t>(state.size()), order.numel());
    int64_t all = 0;
    for (size_t i = 0; i < state.size(); ++i) {
      EXPECT_EQ(static_cast<int64_t>(GoldenNameHash(state[i].name)), order[i].item<int64_t>())
          << state[i].name;
      const at::Tensor shape = GoldenTensor(golden, name + "/" + state[i].name);
      EXPECT_EQ(state[i].tensor.sizes().vec(),
                std::vector<int64_t>(shape.data_ptr<int64_t>(),
                                     shape.data_ptr<int64_t>() + shape.numel()))
          << state[i].name;
      all += state[i].tensor.numel();
    }
    int64_t trained = 0;
    for (const at::Tensor& parameter : vit->parameters()) trained += parameter.numel();
    EXPECT_EQ(count[0].item<int64_t>(), order.numel());
    EXPECT_EQ(count[2].item<int64_t>(), all);
    EXPECT_EQ(count[3].item<int64_t>(), trained);
  }
}

TEST(VitTest, InitialWeightsAreDrawnAsInTheOfficialCode) {
  const std::vector<NamedTensor> state = Make(Config("vit_tiny", 32, 4))->state();
  // Uniform: the largest of many values is just below the bound.
  const auto bound = [&state](const std::string& name) {
    return Find(state, name).detach().abs().max().item<double>();
  };
  const double square = std::sqrt(6.0 / (192 + 192));
  EXPECT_NEAR(bound("blocks.3.attn.qkv.weight"), square, 1e-3 * square);
  EXPECT_NEAR(bound("blocks.3.attn.proj.weight"), square, 1e-3 * square);
  EXPECT_NEAR(bound("blocks.3.mlp.fc1.weight"), std::sqrt(6.0 / (5 * 192)), 1e-4);
  EXPECT_NEAR(bound("blocks.3.mlp.fc2.weight"), std::sqrt(6.0 / (5 * 192)), 1e-4);
  EXPECT_NEAR(bound("patch_embed.proj.weight"), std::sqrt(6.0 / (3 * 16 + 192)), 1e-3);
  EXPECT_EQ(bound("patch_embed.proj.bias"), 0);
  EXPECT_EQ(bound("blocks.3.attn.qkv.bias"), 0);
  EXPECT_EQ(Find(state, "norm.weight").min().item<float>(), 1);
  const at::Tensor token = Find(state, "cls_token").detach().to(at::kDouble);
  // 192 draws: the standard deviation is within five standard errors, 26 %.
  EXPECT_NEAR(std::sqrt((token * token).mean().item<double>()), 1e-6, 0.26e-6);
}

TEST(VitTest, FrozenWeightsAreStateButNotParameters) {
  for (bool frozen : {true, false}) {
    v1::BackboneConfig config = Config("vit_tiny", 16, 4);
    config.set_frozen_patch_embedding(frozen);
    std::shared_ptr<VisionTransformer> vit = Make(config);
    at::sum(vit->forward(Images(2, 16)) * Images(2, 8).flatten(1).narrow(1, 0, 192)).backward();
    int patch = 0, others = 0;
    for (const NamedTensor& parameter : vit->named_parameters()) {
      EXPECT_NE(parameter.name, "pos_embed");
      ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
      EXPECT_GT(parameter.tensor.grad().abs().max().item<double>(), 0) << parameter.name;
      (parameter.name.rfind("patch_embed.", 0) == 0 ? patch : others) += 1;
    }
    EXPECT_EQ(patch, frozen ? 0 : 2);
    EXPECT_EQ(others, 147);
    EXPECT_EQ(vit->state().size(), 150u);
  }
}

// The query bias has a gradient, the key bias shifts all scores of a query alike: covered above by
// the joint tensor. Here: finite differences along one random direction, in float64.
TEST(VitTest, GradientsEqualFiniteDifferences) {
  std::shared_ptr<VisionTransformer> vit = Make(Config("vit_tiny", 8, 4));
  vit->ToDtype(at::kDouble);
  const at::Tensor images = Images(2, 8).to(at::kDouble);
  const auto loss = [&] { return vit->forward(images).narrow(1, 0, 7).pow(2).sum(); };
  ExpectGradientsEqualFiniteDifferences(
      vit->named_parameters(), {"cls_token", "blocks.0.attn.qkv.weight", "blocks.11.mlp.fc1.bias"},
      loss);
}

TEST(VitTest, StagesAreMapsOfTheTokensAfterQuartersOfTheBlocks) {
  std::shared_ptr<VisionTransformer> vit = Make(Config("vit_tiny", 16, 4));
  c10::NoGradGuard no_grad;
  const std::vector<at::Tensor> tokens = vit->ForwardTokens(Images(2, 16));
  const std::vector<at::Tensor> stages = vit->ForwardStages(Images(2, 16));
  ASSERT_EQ(stages.size(), 6u);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(stages[i].sizes(), at::IntArrayRef({2, 192, 4, 4}));
    // Row 2, column 3 is token 1 + 2 * 4 + 3.
    EXPECT_TRUE(at::equal(stages[i].select(3, 3).select(2, 2), tokens[3 * i].select(1, 12)));
  }
  EXPECT_EQ(stages[5].sizes(), at::IntArrayRef({2, 192}));
}

TEST(VitTest, OtherImageSizesGetPositionsOfTheirOwn) {
  for (v1::Positions positions : {v1::SINCOS, v1::LEARNED}) {
    v1::BackboneConfig config = Config("vit_tiny", 16, 4);
    config.set_positions(positions);
    std::shared_ptr<VisionTransformer> vit = Make(config);
    EXPECT_EQ(vit->forward(Images(2, 24)).sizes(), at::IntArrayRef({2, 192}));
    EXPECT_THROW(vit->forward(Images(2, 18)), c10::Error);
  }
  // What a table for that size gives.
  std::shared_ptr<VisionTransformer> small = Make(Config("vit_tiny", 16, 4));
  std::shared_ptr<VisionTransformer> large = Make(Config("vit_tiny", 24, 4));
  EXPECT_TRUE(at::equal(small->forward(Images(2, 24)), large->forward(Images(2, 24))));
}

// Rows of 8 x 8 patches that hold the squares of their numbers.
at::Tensor SquaresOfRows() {
  at::Tensor table = at::zeros({1, 65, 4}, at::kFloat);
  for (int64_t i = 0; i < 64; ++i) table.select(1, 1 + i).fill_(double((i / 8) * (i / 8)));
  return table;
}

// Cubic convolution (Keys 1981) of the squares at `row`, away from the edges.
double CubicOfSquares(double row, double a) {
  double sum = 0;
  for (int i = static_cast<int>(row) - 1; i <= static_cast<int>(row) + 2; ++i) {
    const double x = std::abs(row - i);
    sum +=
        i * i * (x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((x - 5) * x + 8) * x * a - 4 * a);
  }
  return sum;
}

TEST(VitTest, EveryWayOfResizingPlacesTheRowsAsItsFormulaSays) {
  struct Way {
    v1::PositionResize how;
    // In the table, of row 5 of 16: by the middles of pixels, by a factor of 16.1 / 8, from corner
    // to corner.
    double row;
    // Of the kernel; PyTorch has another one where it antialiases.
    double a = -0.75;
  };
  for (const Way& way :
       {Way{v1::POSITION_RESIZE_UNSPECIFIED, 5.5 / 2 - 0.5}, Way{v1::BICUBIC, 5.5 / 2 - 0.5},
        Way{v1::BICUBIC_ANTIALIASED, 5.5 / 2 - 0.5, -0.5},
        Way{v1::BICUBIC_BY_FACTOR, 5.5 * 8 / 16.1 - 0.5}, Way{v1::BICUBIC_CORNERS, 5.0 * 7 / 15}}) {
    const at::Tensor resized = ResizedPositions(SquaresOfRows(), 16, way.how);
    ASSERT_EQ(resized.sizes(), at::IntArrayRef({1, 257, 4}));
    EXPECT_EQ(resized[0][0][0].item<float>(), 0);
    EXPECT_NEAR(resized[0][1 + 5 * 16 + 7][2].item<double>(), CubicOfSquares(way.row, way.a), 1e-5)
        << way.how;
  }
}

TEST(VitTest, RegistersLayerScalesAndSwiGluAreTrainedAndChangeTheFeatures) {
  v1::BackboneConfig config = Config("vit_tiny", 16, 4);
  const at::Tensor plain = Make(config)->forward(Images(2, 16));
  for (int part = 0; part < 3; ++part) {
    v1::BackboneConfig with = config;
    if (part == 0) with.set_registers(4);
    if (part == 1) with.set_layer_scale(0.5);
    if (part == 2) with.set_feed_forward(v1::SWIGLU);
    std::shared_ptr<VisionTransformer> vit = Make(with);
    const at::Tensor features = vit->forward(Images(2, 16));
    EXPECT_GT(RelativeDifference(features, plain), 1e-3) << part;
    at::sum(features * Images(2, 8).flatten(1).narrow(1, 0, 192)).backward();
    for (const NamedTensor& parameter : vit->named_parameters()) {
      ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
      EXPECT_GT(parameter.tensor.grad().abs().max().item<double>(), 0) << parameter.name;
    }
  }
  config.set_registers(4);
  std::shared_ptr<VisionTransformer> vit = Make(config);
  EXPECT_EQ(vit->named_parameters()[1].name, "reg_token");
  EXPECT_EQ(vit->special_tokens(), 5);
  const std::vector<at::Tensor> tokens = vit->ForwardTokens(Images(2, 16));
  ASSERT_EQ(tokens[0].sizes(), at::IntArrayRef({2, 1 + 4 + 16, 192}));
  // Row 2, column 3 behind the class token and the registers.
  EXPECT_TRUE(at::equal(vit->ForwardStages(Images(2, 16))[1].select(3, 3).select(2, 2),
                        tokens[3].select(1, 5 + 2 * 4 + 3)));
}

TEST(VitTest, LayerScalesStartAsChosenAndFollowTheirLayerInTimmsOrder) {
  v1::BackboneConfig config = Config("vit_tiny", 16, 4);
  config.set_layer_scale(1e-5);
  const std::vector<NamedTensor> state = Make(config)->state();
  EXPECT_EQ(Find(state, "blocks.7.ls2.gamma").max().item<float>(), 1e-5f);
  const auto at = [&state](const std::string& name) {
    return std::find_if(state.begin(), state.end(),
                        [&name](const NamedTensor& entry) { return entry.name == name; }) -
           state.begin();
  };
  EXPECT_EQ(at("blocks.0.ls1.gamma"), at("blocks.0.attn.proj.bias") + 1);
  EXPECT_EQ(at("blocks.0.ls2.gamma"), at("blocks.0.mlp.fc2.bias") + 1);
}

TEST(VitTest, OtherPositionsThanTheTablesAreSaid) {
  v1::BackboneConfig config;
  EXPECT_EQ(ResizedPositionsSentence(config, 224), "");
  config.set_architecture("vit_tiny");
  config.set_positions(v1::LEARNED);
  ResolveVit(224, &config);
  EXPECT_EQ(ResizedPositionsSentence(config, 224), "");
  EXPECT_THAT(ResizedPositionsSentence(config, 96),
              HasSubstr("images of 224 px (14 x 14 patches); for 96 px (6 x 6) it is resized "
                        "bicubically without antialiasing, as MAE, DeiT and Hugging Face do"));
  config.set_position_resize(v1::BICUBIC_BY_FACTOR);
  EXPECT_THAT(ResizedPositionsSentence(config, 96),
              HasSubstr("by a factor of (6 + 0.1) / 14, as DINO and DINOv2 do"));
  config.set_positions(v1::SINCOS);
  EXPECT_THAT(ResizedPositionsSentence(config, 96), HasSubstr("the sines and cosines"));
}

TEST(VitTest, SameBitsAgainAndInEitherMemoryLayout) {
  const v1::BackboneConfig config = Config("vit_tiny", 32, 8);
  const at::Tensor images = Images(4, 32);
  const at::Tensor features = Make(config)->forward(images);
  EXPECT_TRUE(at::equal(features, Make(config)->forward(images)));
  const at::Tensor channels_last =
      Make(config)->forward(images.contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT(RelativeDifference(channels_last, features), 1e-5);
}

TEST(VitTest, UnderAutocastFeaturesStayFloat32AndNearby) {
  if (ProcessorBfloat16() == Bfloat16Support::kNone) GTEST_SKIP() << "a processor with AVX-512";
  std::shared_ptr<VisionTransformer> vit = Make(Config("vit_tiny", 32, 8));
  const at::Tensor exact = vit->forward(Images(4, 32));
  SetAutocastType(at::kCPU, at::kBFloat16);
  SetAutocastEnabled(at::kCPU, true);
  const at::Tensor rounded = vit->forward(Images(4, 32));
  SetAutocastEnabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(rounded.scalar_type(), at::kFloat);
  // bfloat16 has 8 bits; 24 residual branches add up.
  EXPECT_LT(RelativeDifference(rounded, exact), 0.05);
  EXPECT_FALSE(at::equal(rounded, exact));
}

TEST(VitTest, AnImpossibleConfigurationNamesTheField) {
  const auto refused = [](const v1::BackboneConfig& config, const char* message) {
    EXPECT_THAT(MakeBackbone(config, 1),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refused(Config("vit_tiny", 30, 4), "--backbone.patch_size=4: images of 30 px");
  refused(Config("vit_tiny", 32, 300), "backbone.patch_size=300");
  refused(Config("vit_tiny", 20000, 4), "backbone.image_size=20000");
  v1::BackboneConfig config = Config("vit_tiny", 32, 4);
  config.set_heads(5);
  refused(config, "--backbone.heads=5 does not divide");
  config = Config("vit_tiny", 32, 4);
  config.set_stem(v1::CIFAR);
  refused(config, "--backbone.stem has no meaning for vit_tiny");
  config = Config("vit_tiny", 32, 4);
  config.set_width_factor(0.5);
  refused(config, "backbone.width_factor has no meaning for vit_tiny");
  config = Config("resnet18", 0, 4);
  config.set_stem(v1::CIFAR);
  refused(config, "--backbone.patch_size has no meaning for resnet18");
}

TEST(VitTest, WhatIsNotChosenIsFilledIn) {
  v1::BackboneConfig config;
  config.set_architecture("vit_small");
  ASSERT_OK_AND_ASSIGN(const v1::BackboneConfig large, ResolveBackbone(config, 224));
  EXPECT_EQ(large.patch_size(), 16);
  EXPECT_EQ(large.heads(), 12);
  EXPECT_EQ(large.image_size(), 224);
  EXPECT_EQ(large.positions(), v1::SINCOS);
  EXPECT_TRUE(large.frozen_patch_embedding());
  ASSERT_OK_AND_ASSIGN(const v1::BackboneConfig small, ResolveBackbone(config, 32));
  EXPECT_EQ(small.patch_size(), 4);
  for (const std::string& name : BackboneNames()) {
    EXPECT_THAT(v1::BackboneConfig::descriptor()
                    ->FindFieldByName("architecture")
                    ->options()
                    .GetExtension(v1::help),
                HasSubstr(name));
  }
}

}  // namespace
}  // namespace cassle
