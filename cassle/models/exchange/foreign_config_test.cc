#include "cassle/models/exchange/foreign_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ForeignConfigTest, OfATransformerHeadsAndEpsilonAreRead) {
  ASSERT_OK_AND_ASSIGN(ForeignConfig config, ParseForeignConfig(R"({
      "model_type": "vit", "hidden_act": "gelu", "num_attention_heads": 6,
      "layer_norm_eps": 1e-12, "image_size": 224})"));
  EXPECT_EQ(config.model, "vit");
  EXPECT_TRUE(config.transformer);
  EXPECT_EQ(config.heads, 6);
  EXPECT_EQ(config.norm_eps, 1e-12);
  EXPECT_EQ(config.image_size, 224);
  EXPECT_THAT(config.mean, IsEmpty());
  ASSERT_OK(AddPreprocessing(
      R"({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1], "size": {"height": 96}})",
      &config));
  EXPECT_THAT(config.mean, ElementsAre(0.5, 0.5, 0.5));
  EXPECT_THAT(config.std, ElementsAre(0.25, 0.5, 1));
  EXPECT_EQ(config.image_size, 96);
}

TEST(ForeignConfigTest, TimmsHasTheNormalisation) {
  ASSERT_OK_AND_ASSIGN(const ForeignConfig config, ParseForeignConfig(R"({
      "architecture": "resnet18", "global_pool": "avg", "num_classes": 10,
      "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1], "input_size": [3, 160, 160]}})"));
  EXPECT_EQ(config.model, "resnet18");
  EXPECT_FALSE(config.transformer);
  EXPECT_THAT(config.mean, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_EQ(config.image_size, 160);
}

TEST(ForeignConfigTest, WhatComputesSomethingElseIsRefused) {
  const auto expect = [](const char* text, const char* words) {
    EXPECT_THAT(ParseForeignConfig(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(words)))
        << text;
  };
  expect(R"({"model_type": "vit", "hidden_act": "quick_gelu"})", "hidden_act is");
  expect(R"({"model_type": "dinov2", "use_swiglu_ffn": true})", "use_swiglu_ffn is true");
  expect(R"({"architecture": "vit_small", "global_pool": "avg"})", "global_pool is");
  expect(R"({"model_type": "resnet", "hidden_act": "gelu"})", "hidden_act is");
  expect(R"({"model_type": "resnet", "downsample_in_bottleneck": true})",
         "downsample_in_bottleneck is true");
  expect(R"({"model_type": "vit", "num_attention_heads": -3})", "num_attention_heads is -3");
  expect(R"({"model_type": "vit", "num_attention_heads": "six"})", "num_attention_heads");
  expect("[1]", "not a JSON object");
}

TEST(ForeignConfigTest, ThatOfAnotherNetworkSaysNothing) {
  ASSERT_OK_AND_ASSIGN(const ForeignConfig config,
                       ParseForeignConfig(R"({"model_type": "bert", "hidden_act": "silu"})"));
  EXPECT_EQ(config.model, "");
}

TEST(ForeignConfigTest, NamesAreKeptAndShownOnOneLine) {
  ASSERT_OK_AND_ASSIGN(const ForeignConfig config,
                       ParseForeignConfig(R"({"architecture": "resnet\n18"})"));
  EXPECT_EQ(config.model, "resnet\\x0A18");
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

}  // namespace
}  // namespace cassle
