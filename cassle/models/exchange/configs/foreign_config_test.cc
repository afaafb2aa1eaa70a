#include "cassle/models/exchange/configs/foreign_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::StatusOr<ForeignConfig> Timm(absl::string_view name, absl::string_view arguments) {
  return ParseForeignConfig(
      absl::StrCat(R"({"architecture": ")", name, R"(", "model_args": )", arguments, "}"));
}

TEST(ForeignConfigTest, OfATransformerHeadsAndEpsilonAreRead) {
  ASSERT_OK_AND_ASSIGN(ForeignConfig config, ParseForeignConfig(R"({
      "model_type": "vit", "hidden_act": "gelu", "num_attention_heads": 6,
      "layer_norm_eps": 1e-12, "image_size": 224})"));
  EXPECT_EQ(config.model, "vit");
  EXPECT_EQ(config.kind, NetworkKind::kTransformer);
  EXPECT_EQ(config.heads.value, 6);
  EXPECT_EQ(config.norm_eps.value, 1e-12);
  EXPECT_EQ(config.image_size, 224);
  EXPECT_THAT(config.normalization.mean, IsEmpty());
  ASSERT_OK(AddPreprocessing(
      R"({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1], "size": {"height": 96}})",
      &config));
  EXPECT_THAT(config.normalization.mean, ElementsAre(0.5, 0.5, 0.5));
  EXPECT_THAT(config.normalization.std, ElementsAre(0.25, 0.5, 1));
  EXPECT_EQ(config.image_size, 96);
}

TEST(ForeignConfigTest, TimmsHasTheNormalisation) {
  ASSERT_OK_AND_ASSIGN(const ForeignConfig config, ParseForeignConfig(R"({
      "architecture": "resnet18", "global_pool": "avg", "num_classes": 10,
      "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1], "input_size": [3, 160, 160]}})"));
  EXPECT_EQ(config.model, "resnet18");
  EXPECT_EQ(config.kind, NetworkKind::kResNet);
  EXPECT_THAT(config.normalization.mean, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_EQ(config.image_size, 160);
}

TEST(ForeignConfigTest, WhatComputesSomethingElseIsRefused) {
  const auto expect = [](const char* text, const char* words) {
    EXPECT_THAT(ParseForeignConfig(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(words)))
        << text;
  };
  expect(R"({"model_type": "vit", "hidden_act": "quick_gelu"})", "hidden_act is");
  expect(R"({"architecture": "vit_small_patch16_224", "global_pool": "avg"})", "global_pool is");
  expect(R"({"model_type": "resnet", "hidden_act": "gelu"})", "hidden_act is");
  expect(R"({"model_type": "convnext", "hidden_act": "relu"})", "hidden_act is");
  expect(R"({"model_type": "resnet", "downsample_in_bottleneck": true})",
         "downsample_in_bottleneck is true");
  expect(R"({"model_type": "vit", "num_attention_heads": -3})", "num_attention_heads is -3");
  expect(R"({"model_type": "vit", "num_attention_heads": "six"})", "num_attention_heads");
  expect("[1]", "not a JSON object");
}

TEST(ForeignConfigTest, LargerNetworksOfTimmAreKnownByName) {
  const auto expect = [](const char* name, const char* architecture, int heads, int patch) {
    ASSERT_OK_AND_ASSIGN(const ForeignConfig config, Timm(name, "{}"));
    EXPECT_EQ(config.architecture, architecture) << name;
    EXPECT_EQ(config.heads.value, heads) << name;
    EXPECT_EQ(config.patch_size.value, patch) << name;
    EXPECT_EQ(config.kind, KindOf(architecture)) << name;
  };
  expect("resnet152.a1_in1k", "resnet152", 0, 0);
  expect("wide_resnet50_2.tv_in1k", "wide_resnet50_2", 0, 0);
  expect("vit_large_patch14_reg4_dinov2.lvd142m", "vit_large", 16, 14);
  expect("vit_giant_patch14_dinov2", "vit_giant", 24, 14);
  expect("vit_huge_patch14_224.mae", "vit_huge", 16, 14);
  expect("vit_base_patch8_224.dino", "vit_base", 12, 8);
  expect("vit_base_patch32_224", "vit_base", 12, 32);
  expect("convnext_tiny.fb_in1k", "convnext_tiny", 0, 0);
  for (const char* other : {"convnext_tiny_hnf", "vit_large_patch14_clip_224", "resnext50_32x4d"}) {
    ASSERT_OK_AND_ASSIGN(const ForeignConfig config, Timm(other, "{}"));
    EXPECT_EQ(config.unknown, other);
  }
}

TEST(ForeignConfigTest, ThatOfAnotherNetworkSaysNothing) {
  ASSERT_OK_AND_ASSIGN(const ForeignConfig config,
                       ParseForeignConfig(R"({"model_type": "bert", "hidden_act": "silu"})"));
  EXPECT_EQ(config.model, "");
  EXPECT_EQ(config.unknown, "bert");
}

TEST(ForeignConfigTest, NamesAreKeptAndShownOnOneLine) {
  ASSERT_OK_AND_ASSIGN(const ForeignConfig config,
                       ParseForeignConfig(R"({"architecture": "resnet18.a\nb"})"));
  EXPECT_EQ(config.model, "resnet18.a\\x0Ab");
  EXPECT_THAT(
      ParseForeignConfig("{\"model_type\": \"resnet\", \"hidden_act\": \"caf\xC3\xA9\x7F\"}"),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is \"caf\xC3\xA9\\x7F\"")));
}

TEST(ForeignConfigTest, AListInListsWithoutEndIsShownAsAList) {
  constexpr int kLevels = 1000000;
  const std::string lists = std::string(kLevels, '[') + std::string(kLevels, ']');
  for (const char* field : {"hidden_act", "num_attention_heads"}) {
    EXPECT_THAT(ParseForeignConfig("{\"model_type\": \"vit\", \"" + std::string(field) +
                                   "\": " + lists + "}"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is a list")));
  }
}

// Their tensors are those of networks that are known.
TEST(ForeignConfigTest, TimmsNetworksWhoseNamesAreNotKnownAreNotTakenForOthers) {
  for (const char* name : {"resnetblur18", "resnet18d", "vit_base_patch16_gap_224",
                           "vit_base_patch16_rpn_224", "vit_base_patch16_224_miil"}) {
    ASSERT_OK_AND_ASSIGN(const ForeignConfig config, Timm(name, "{}"));
    EXPECT_EQ(config.model, "");
    EXPECT_EQ(config.unknown, name);
  }
}

TEST(ForeignConfigTest, ANameOfTimmsSaysHeadsPatchesAndEpsilon) {
  struct Case {
    const char* name;
    const char* architecture;
    int heads;
    int patch_size;
  };
  for (const Case& known : {Case{"vit_tiny_patch16_224.augreg_in21k", "vit_tiny", 3, 16},
                            Case{"vit_small_patch14_dinov2.lvd142m", "vit_small", 6, 14},
                            Case{"deit3_base_patch16_384", "vit_base", 12, 16},
                            Case{"vit_small_patch8_224_dino", "vit_small", 6, 8}}) {
    ASSERT_OK_AND_ASSIGN(const ForeignConfig config, Timm(known.name, "{}"));
    EXPECT_EQ(config.architecture, known.architecture);
    EXPECT_EQ(config.heads.value, known.heads);
    EXPECT_EQ(config.patch_size.value, known.patch_size);
    EXPECT_EQ(config.norm_eps.value, 1e-6);
    EXPECT_EQ(config.kind, NetworkKind::kTransformer);
  }
}

TEST(ForeignConfigTest, ArgumentsOfTimmsOverrideTheName) {
  ASSERT_OK_AND_ASSIGN(
      const ForeignConfig config,
      Timm("vit_tiny_patch16_224",
           R"({"num_heads": 6, "patch_size": 8, "img_size": [96, 96], "drop_rate": 0.5})"));
  EXPECT_EQ(config.heads.value, 6);
  EXPECT_EQ(config.heads.by, "num_heads in model_args of config.json");
  EXPECT_EQ(config.patch_size.value, 8);
  EXPECT_EQ(config.image_size, 96);
  EXPECT_EQ(config.architecture, "vit_tiny");
}

TEST(ForeignConfigTest, ArgumentsOfTimmsThatChangeTheFeaturesAreRefused) {
  const auto expect = [](const char* name, const char* arguments, const char* words) {
    EXPECT_THAT(Timm(name, arguments), StatusIs(absl::StatusCode::kDataLoss,
                                                AllOf(HasSubstr("model_args"), HasSubstr(words))))
        << arguments;
  };
  constexpr char kVit[] = "vit_tiny_patch16_224";
  expect(kVit, R"({"global_pool": "avg", "fc_norm": false})", "global_pool is \"avg\"");
  expect(kVit, R"({"class_token": false})", "class_token is false");
  expect(kVit, R"({"norm_layer": "layernorm"})", "norm_layer is \"layernorm\"");
  expect(kVit, R"({"num_heads": 2.5})", "num_heads is 2.5");
  expect(kVit, R"([])", "is no object");
  expect("resnet18", R"({"output_stride": 8})", "output_stride is 8");
  expect("resnet18", R"({"a\nb": 1})", "a\\x0Ab is 1");
}

v1::BackboneConfig Detected(const char* architecture, int patch_size) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  config.set_patch_size(patch_size);
  return config;
}

TEST(ForeignConfigTest, ThatOfOtherShapesIsRefusedByNameAndBothValues) {
  const auto fits = [](const absl::StatusOr<ForeignConfig>& config) {
    return CheckFits(config.value(), Detected("vit_tiny", 16), 192);
  };
  const auto expect = [&](const absl::StatusOr<ForeignConfig>& config, const char* words) {
    EXPECT_THAT(fits(config), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(words)));
  };
  EXPECT_OK(fits(Timm("vit_tiny_patch16_224", "{}")));
  EXPECT_OK(fits(Timm("vit_small_patch16_224", R"({"embed_dim": 192})")));
  EXPECT_OK(fits(ParseForeignConfig(R"({"model_type": "vit", "hidden_size": 192,
                                        "num_hidden_layers": 12, "num_attention_heads": 6})")));
  expect(Timm("vit_small_patch16_224", "{}"), "a vit_small_patch16_224, and the tensors");
  expect(Timm("vit_tiny_patch8_224", "{}"), "patches of 8");
  expect(Timm("resnet18", "{}"), "that it is a resnet18");
  expect(Timm("vit_tiny_patch16_224", R"({"num_heads": 5})"), "which that does not divide");
  expect(ParseForeignConfig(R"({"model_type": "vit", "hidden_size": 384})"),
         "a width of 384 (by hidden_size in config.json), and the tensors have 192");
  expect(ParseForeignConfig(R"({"model_type": "vit", "num_hidden_layers": 6})"), "blocks: 6");
}

absl::StatusOr<ForeignNormalization> Normalization(const char* text) {
  ForeignConfig config;
  const absl::Status status = AddPreprocessing(text, &config);
  if (!status.ok()) return status;
  return config.normalization;
}

TEST(PreprocessorConfigTest, WithoutNormalisationPixelsStayFromZeroToOne) {
  ASSERT_OK_AND_ASSIGN(const ForeignNormalization read,
                       Normalization(R"({"do_normalize": false, "image_mean": [0.5, 0.5, 0.5],
                                         "image_std": [0.5, 0.5, 0.5]})"));
  EXPECT_THAT(read.mean, ElementsAre(0, 0, 0));
  EXPECT_THAT(read.std, ElementsAre(1, 1, 1));
  EXPECT_THAT(read.by, HasSubstr("do_normalize is false"));
}

// (pixel * f - mean) / std = (pixel / 255 - mean / (255 f)) / (std / (255 f)).
TEST(PreprocessorConfigTest, AnotherFactorOfRescalingIsDividedOutOfMeanAndStd) {
  ASSERT_OK_AND_ASSIGN(const ForeignNormalization read,
                       Normalization(R"({"rescale_factor": 1, "image_mean": [127.5, 51, 255],
                                         "image_std": [127.5, 51, 255]})"));
  EXPECT_THAT(read.mean, ElementsAre(0.5, 0.2, 1));
  EXPECT_THAT(read.std, ElementsAre(0.5, 0.2, 1));
  EXPECT_EQ(read.problem, "");
}

TEST(PreprocessorConfigTest, ImagesThatAreNotRescaledAreAProblemForWhoDoesNotSayMore) {
  ASSERT_OK_AND_ASSIGN(const ForeignNormalization read, Normalization(R"({"do_rescale": false})"));
  EXPECT_THAT(read.problem, HasSubstr("do_rescale is false"));
  EXPECT_THAT(Normalization(R"({"do_rescale": 0})"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("do_rescale is 0")));
}

}  // namespace
}  // namespace cassle
