#include "cassle/models/exchange/weight_families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/models/exchange/name_rules.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Optional;

std::vector<std::string> Prefixes(const std::vector<std::string>& names) {
  std::vector<std::string> prefixes;
  for (const FoundBackbone& found : FindBackbones(names)) prefixes.push_back(found.prefix);
  return prefixes;
}

TEST(NameRulesTest, NumbersAreKeptOrCountedUpAndTheRestOfANameStays) {
  constexpr char kRules[] = "a.#.b#>x$2.$1+. a.>y.";
  EXPECT_THAT(Renamed(kRules, "a.0.b12.weight"), Optional(Eq("x12.1..weight")));
  EXPECT_THAT(Renamed(kRules, "a.weight"), Optional(Eq("y.weight")));
  EXPECT_EQ(Renamed(kRules, "b.weight"), std::nullopt);
  EXPECT_EQ(Renamed(kRules, "a"), std::nullopt);
  EXPECT_EQ(RenamedBack("a.#.b.>x$1.", "x7.weight"), "a.7.b.weight");
  EXPECT_EQ(RenamedBack("a.#.b.>x$1.", "z"), "z");
}

TEST(WeightFamiliesTest, TransformersHaveTorchvisionsNamesAndBack) {
  const FoundBackbone torchvision = FindBackbones({"class_token", "conv_proj.weight"})[0];
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
  for (const auto& [ours, theirs] : names) {
    EXPECT_EQ(ToTorchvisionName(ours), theirs);
    EXPECT_EQ(ToOurName(*torchvision.family, theirs), ours);
    EXPECT_EQ(ToOurName(*torchvision.family, ours), ours);
  }
  EXPECT_EQ(ToOurName(*torchvision.family, "encoder.layers.encoder_layer_3.mlp.linear_2.weight"),
            "blocks.3.mlp.fc2.weight");
  EXPECT_EQ(ToTorchvisionName("layer1.0.conv1.weight"), "layer1.0.conv1.weight");
}

// One tensor each of every family that is not said by others, as the libraries name it.
TEST(WeightFamiliesTest, EveryFamilyIsToldByItsMarksAndSpeaksOurNames) {
  struct Case {
    const char* marks;
    std::vector<std::pair<const char*, const char*>> names;
  };
  const Case cases[] = {
      {"conv1.weight layer4.0.conv1.weight",
       {{"layer2.0.shortcut.1.weight", "layer2.0.downsample.1.weight"}, {"bn1.bias", "bn1.bias"}}},
      {"0.weight 4.0.conv1.weight 5.0.conv1.weight 7.0.conv1.weight",
       {{"0.weight", "conv1.weight"},
        {"1.running_var", "bn1.running_var"},
        {"7.1.bn2.weight", "layer4.1.bn2.weight"},
        {"5.0.downsample.0.weight", "layer2.0.downsample.0.weight"},
        {"5.0.shortcut.0.weight", "layer2.0.downsample.0.weight"}}},
      {"0.weight 3.0.conv1.weight 4.0.conv1.weight 5.0.conv1.weight 6.0.conv1.weight",
       {{"3.0.conv1.weight", "layer1.0.conv1.weight"},
        {"6.0.conv1.weight", "layer4.0.conv1.weight"},
        {"6.0.shortcut.1.bias", "layer4.0.downsample.1.bias"}}},
      {"0.weight 2.0.conv1.weight 3.0.conv1.weight 4.0.conv1.weight 5.0.conv1.weight",
       {{"2.0.conv1.weight", "layer1.0.conv1.weight"},
        {"5.0.conv1.weight", "layer4.0.conv1.weight"},
        {"2.0.shortcut.0.weight", "layer1.0.downsample.0.weight"}}},
      {"embedder.embedder.convolution.weight "
       "encoder.stages.0.layers.0.layer.0.convolution.weight",
       {{"embedder.embedder.normalization.bias", "bn1.bias"},
        {"encoder.stages.3.layers.1.layer.2.convolution.weight", "layer4.1.conv3.weight"},
        {"encoder.stages.0.layers.0.layer.0.normalization.running_mean",
         "layer1.0.bn1.running_mean"},
        {"encoder.stages.1.layers.0.shortcut.convolution.weight", "layer2.0.downsample.0.weight"},
        {"encoder.stages.1.layers.0.shortcut.normalization.weight",
         "layer2.0.downsample.1.weight"}}},
      {"cls_token patch_embed.proj.weight",
       {{"blocks.3.ls1.gamma", "blocks.3.ls1.gamma"},
        {"blocks.3.gamma_1", "blocks.3.ls1.gamma"},
        {"blocks.11.gamma_2", "blocks.11.ls2.gamma"},
        {"blocks.1.7.norm1.weight", "blocks.7.norm1.weight"},
        {"blocks.1.3.mlp.w12.bias", "blocks.3.mlp.fc1.bias"},
        {"blocks.3.mlp.w3.weight", "blocks.3.mlp.fc2.weight"},
        {"register_tokens", "reg_token"}}},
      {"embeddings.cls_token encoder.layer.0.layernorm_before.weight",
       {{"embeddings.cls_token", "cls_token"},
        {"embeddings.position_embeddings", "pos_embed"},
        {"embeddings.patch_embeddings.projection.bias", "patch_embed.proj.bias"},
        {"encoder.layer.10.attention.attention.key.bias", "blocks.10.attn.qkv[1].bias"},
        {"encoder.layer.0.attention.output.dense.weight", "blocks.0.attn.proj.weight"},
        {"encoder.layer.0.output.dense.weight", "blocks.0.mlp.fc2.weight"},
        {"encoder.layer.0.intermediate.dense.weight", "blocks.0.mlp.fc1.weight"},
        {"layernorm.bias", "norm.bias"},
        {"pooler.dense.weight", "pooler.dense.weight"}}},
      {"embeddings.cls_token layers.0.layernorm_before.weight",
       {{"layers.2.attention.v_proj.weight", "blocks.2.attn.qkv[2].weight"},
        {"layers.2.attention.o_proj.weight", "blocks.2.attn.proj.weight"},
        {"layers.2.layernorm_after.weight", "blocks.2.norm2.weight"},
        {"layers.2.mlp.fc2.bias", "blocks.2.mlp.fc2.bias"}}},
      {"embeddings.cls_token encoder.layer.0.norm1.weight",
       {{"encoder.layer.0.norm2.bias", "blocks.0.norm2.bias"},
        {"encoder.layer.0.mlp.fc1.weight", "blocks.0.mlp.fc1.weight"},
        {"encoder.layer.0.attention.attention.query.weight", "blocks.0.attn.qkv[0].weight"},
        {"encoder.layer.0.attention.q_proj.weight", "blocks.0.attn.qkv[0].weight"},
        {"encoder.layer.0.layer_scale2.lambda1", "blocks.0.ls2.gamma"},
        {"encoder.layer.0.mlp.weights_in.bias", "blocks.0.mlp.fc1.bias"},
        {"encoder.layer.0.mlp.weights_out.bias", "blocks.0.mlp.fc2.bias"},
        {"encoder.layer.0.mlp.up_proj.bias", "blocks.0.mlp.fc1[1].bias"},
        {"embeddings.register_tokens", "reg_token"}}},
      {"stem.0.weight stages.0.blocks.0.conv_dw.weight",
       {{"stages.3.blocks.2.gamma", "stages.3.blocks.2.gamma"}, {"head.fc.bias", "head.fc.bias"}}},
      {"features.0.0.weight features.1.0.layer_scale",
       {{"features.0.1.bias", "stem.1.bias"},
        {"features.5.8.layer_scale", "stages.2.blocks.8.gamma"},
        {"features.3.0.block.0.weight", "stages.1.blocks.0.conv_dw.weight"},
        {"features.7.2.block.5.bias", "stages.3.blocks.2.mlp.fc2.bias"},
        {"features.6.1.weight", "stages.3.downsample.1.weight"},
        {"classifier.0.weight", "head.norm.weight"},
        {"classifier.2.weight", "head.fc.weight"}}},
      {"downsample_layers.0.0.weight stages.0.0.dwconv.weight",
       {{"downsample_layers.0.1.bias", "stem.1.bias"},
        {"downsample_layers.3.1.weight", "stages.3.downsample.1.weight"},
        {"stages.2.8.pwconv1.weight", "stages.2.blocks.8.mlp.fc1.weight"},
        {"stages.2.8.gamma", "stages.2.blocks.8.gamma"},
        {"norm.bias", "head.norm.bias"},
        {"head.weight", "head.weight"}}},
      {"embeddings.patch_embeddings.weight encoder.stages.0.layers.0.dwconv.weight",
       {{"embeddings.layernorm.weight", "stem.1.weight"},
        {"encoder.stages.1.downsampling_layer.0.bias", "stages.1.downsample.0.bias"},
        {"encoder.stages.1.layers.2.layernorm.bias", "stages.1.blocks.2.norm.bias"},
        {"encoder.stages.1.layers.2.pwconv2.bias", "stages.1.blocks.2.mlp.fc2.bias"},
        {"layernorm.weight", "head.norm.weight"}}},
      {"cls_token patch_embed.projection.weight layers.0.ln1.weight",
       {{"patch_embed.projection.bias", "patch_embed.proj.bias"},
        {"layers.4.attn.qkv.weight", "blocks.4.attn.qkv.weight"},
        {"layers.4.ffn.layers.0.0.weight", "blocks.4.mlp.fc1.weight"},
        {"layers.4.ffn.layers.1.bias", "blocks.4.mlp.fc2.bias"},
        {"ln1.weight", "norm.weight"}}},
  };
  for (const Case& family : cases) {
    std::vector<std::string> names;
    for (absl::string_view mark : absl::StrSplit(family.marks, ' ')) {
      names.push_back(absl::StrCat("state_dict.model.", mark));
    }
    const std::vector<FoundBackbone> found = FindBackbones(names);
    ASSERT_EQ(found.size(), 1u) << family.marks;
    EXPECT_EQ(found[0].prefix, "state_dict.model.");
    for (const auto& [theirs, ours] : family.names) {
      EXPECT_EQ(ToOurName(*found[0].family, theirs), ours) << family.marks;
    }
  }
}

TEST(WeightFamiliesTest, BackbonesAreFoundBehindAnyPrefix) {
  EXPECT_THAT(Prefixes({"conv1.weight", "layer4.0.conv1.weight"}), ElementsAre(""));
  EXPECT_THAT(
      Prefixes({"state_dict.module.momentum_encoder.cls_token",
                "state_dict.module.momentum_encoder.patch_embed.proj.weight",
                "state_dict.module.base_encoder.cls_token",
                "state_dict.module.base_encoder.patch_embed.proj.weight"}),
      ElementsAre("state_dict.module.base_encoder.", "state_dict.module.momentum_encoder."));
  EXPECT_THAT(Prefixes({"fc.weight", "xconv_proj.weight", "class_token"}), IsEmpty());
  EXPECT_THAT(Prefixes({}), IsEmpty());
}

TEST(WeightFamiliesTest, WrappersOfTorchCompileAndFsdpLeaveNames) {
  EXPECT_EQ(WithoutWrappers("_orig_mod.layer1._orig_mod.0.conv1.weight"), "layer1.0.conv1.weight");
  EXPECT_EQ(WithoutWrappers("_fsdp_wrapped_module.blocks.0._checkpoint_wrapped_module.norm1.bias"),
            "blocks.0.norm1.bias");
}

}  // namespace
}  // namespace cassle
