#include "cassle/models/exchange/weight_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/exchange/projector_names.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(WeightNamesTest, TransformersHaveTorchvisionsNamesAndBack) {
  const std::pair<const char*, const char*> names[] = {
      {"cls_token", "class_token"},
      {"pos_embed", "encoder.pos_embedding"},
      {"patch_embed.proj.bias", "conv_proj.bias"},
      {"norm.weight", "encoder.ln.weight"},
      {"blocks.11.norm1.bias", "encoder.layers.encoder_layer_11.ln_1.bias"},
      {"blocks.0.attn.qkv.weight", "encoder.layers.encoder_layer_0.self_attention.in_proj_weight"},
      {"blocks.0.attn.qkv.bias", "encoder.layers.encoder_layer_0.self_attention.in_proj_bias"},
      {"blocks.0.attn.proj.weight",
       "encoder.layers.encoder_layer_0.self_attention.out_proj.weight"},
      {"blocks.0.norm2.weight", "encoder.layers.encoder_layer_0.ln_2.weight"},
      {"blocks.0.mlp.fc1.weight", "encoder.layers.encoder_layer_0.mlp.0.weight"},
      {"blocks.0.mlp.fc2.bias", "encoder.layers.encoder_layer_0.mlp.3.bias"},
  };
  for (const auto& [ours, torchvision] : names) {
    EXPECT_EQ(ToTorchvisionName(ours), torchvision);
    EXPECT_EQ(FromTorchvisionName(torchvision), ours);
    EXPECT_EQ(FromTorchvisionName(ours), ours);
  }
  EXPECT_EQ(FromTorchvisionName("encoder.layers.encoder_layer_3.mlp.linear_2.weight"),
            "blocks.3.mlp.fc2.weight");
  EXPECT_EQ(ToTorchvisionName("layer1.0.conv1.weight"), "layer1.0.conv1.weight");
}

TEST(WeightNamesTest, BackbonesAreFoundBehindAnyPrefix) {
  EXPECT_THAT(FindBackbones({"conv1.weight", "layer4.0.conv1.weight"}), ElementsAre(""));
  EXPECT_THAT(
      FindBackbones({"state_dict.module.momentum_encoder.cls_token",
                     "state_dict.module.momentum_encoder.patch_embed.proj.weight",
                     "state_dict.module.base_encoder.cls_token",
                     "state_dict.module.base_encoder.patch_embed.proj.weight"}),
      ElementsAre("state_dict.module.base_encoder.", "state_dict.module.momentum_encoder."));
  EXPECT_THAT(FindBackbones({"fc.weight", "xconv_proj.weight", "class_token"}), IsEmpty());
  EXPECT_THAT(FindBackbones({}), IsEmpty());
}

TEST(WeightNamesTest, UnknownNetworksAreDescribed) {
  const auto tensor = [](const char* name, std::vector<int64_t> shape) {
    return TensorSignature{name, DType::kF32, std::move(shape)};
  };
  EXPECT_THAT(DetectBackbone({tensor("conv1.weight", {64, 3, 5, 5})}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("first convolution is 5x5")));
  EXPECT_THAT(
      DetectBackbone({tensor("conv1.weight", {64, 3, 7, 7}), tensor("layer3.0.conv1.weight", {1})}),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("1 basic blocks in its third stage")));
  EXPECT_THAT(DetectBackbone({tensor("patch_embed.proj.weight", {1024, 3, 16, 16}),
                              tensor("pos_embed", {1, 197, 1024})}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("width 1024")));
  EXPECT_THAT(DetectBackbone({tensor("patch_embed.proj.weight", {192, 3, 16, 16}),
                              tensor("pos_embed", {1, 198, 192})}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("198 positions")));
}

WeightArray Array(const std::string& name, std::vector<int64_t> shape) {
  return {name, DType::kF32, std::move(shape), ""};
}

TEST(ProjectorNamesTest, TheAuthorsProjectorsAreFoundWhereTheyFit) {
  const std::vector<WeightArray> cassle = {Array("backbone.conv1.weight", {64, 3, 7, 7}),
                                           Array("projector.aug_processor.0.weight", {16, 13}),
                                           Array("projector.aug_processor.1.weight", {16}),
                                           Array("projector.aug_processor.3.weight", {24, 16}),
                                           Array("projector.projector.0.weight", {512, 536}),
                                           Array("projector.projector.3.weight", {128, 512})};
  const auto found = FindProjector("backbone.", cassle, 512);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0].name, "conditioner.0.weight");
  EXPECT_EQ(found[3].name, "mlp.0.weight");
  EXPECT_EQ(found[4].array, &cassle[5]);
  EXPECT_THAT(FindProjector("backbone.", cassle, 2048), IsEmpty());
  EXPECT_THAT(FindProjector("", cassle, 512), IsEmpty());
  const std::vector<WeightArray> augself = {Array("projector.0.weight", {512, 512}),
                                            Array("projector.3.weight", {128, 512})};
  const auto plain = FindProjector("backbone.", augself, 512);
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_EQ(plain[0].name, "mlp.0.weight");
  const std::vector<WeightArray> broken = {Array("projector.0.weight", {512, 512}),
                                           Array("projector.3.weight", {128, 256})};
  EXPECT_THAT(FindProjector("backbone.", broken, 512), IsEmpty());
}

}  // namespace
}  // namespace cassle
