#include "cassle/models/exchange/configs/module_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

constexpr char kConv[] = "torch.nn.modules.conv.Conv2d";
constexpr char kNorm[] = "torch.nn.modules.batchnorm.BatchNorm2d";
constexpr char kPool[] = "torch.nn.modules.pooling.MaxPool2d";

const WeightFamily& Family(absl::string_view name) {
  for (const WeightFamily& family : WeightFamilies()) {
    if (name == family.name) return family;
  }
  ADD_FAILURE() << name;
  return WeightFamilies()[0];
}

absl::Status OfResNet(const char* architecture, v1::Stem stem, const PickledModule& module,
                      const char* family = "torchvision's names") {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  config.set_stem(stem);
  ForeignConfig said;
  return AddModules({{"", "my.Net", {}}, module}, {"", &Family(family)}, config, &said);
}

TEST(ModuleSettingsTest, ResidualNetworksAsOursAreTaken) {
  for (const PickledModule& module :
       {PickledModule{"conv1", kConv, {{"stride", "2,2"}, {"dilation", "1,1"}}},
        PickledModule{"layer2.0.conv2", kConv, {{"stride", "2,2"}}},
        PickledModule{"layer2.0.conv1", kConv, {{"stride", "1,1"}}},
        PickledModule{"layer2.0.downsample.0", kConv, {{"stride", "2,2"}}},
        PickledModule{"layer1.0.downsample.0", kConv, {{"stride", "1,1"}}},
        PickledModule{"bn1", kNorm, {{"eps", "1e-05"}}},
        PickledModule{"maxpool", kPool, {{"stride", "2"}}},
        PickledModule{"relu", "torch.nn.modules.activation.ReLU", {}},
        // Behind the features.
        PickledModule{"fc.1", "torch.nn.modules.activation.Sigmoid", {}},
        PickledModule{"fc.0", kNorm, {{"eps", "0.1"}}}}) {
    EXPECT_OK(OfResNet("resnet50", v1::IMAGENET, module)) << module.name;
  }
  EXPECT_OK(OfResNet("resnet18", v1::CIFAR, {"maxpool", "torch.nn.modules.linear.Identity", {}}));
}

TEST(ModuleSettingsTest, ResidualNetworksThatComputeSomethingElseAreRefusedByTheModule) {
  const auto expect = [](const absl::Status& status, const char* words) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, HasSubstr(words)));
  };
  // Of STL-10 and Tiny ImageNet.
  expect(OfResNet("resnet18", v1::CIFAR, {"conv1", kConv, {{"stride", "2,2"}}}),
         "its module conv1 (torch.nn.modules.conv.Conv2d) has stride 2,2");
  expect(OfResNet("resnet18", v1::CIFAR, {"maxpool", kPool, {{"stride", "2"}}}), "a max-pool");
  expect(OfResNet("resnet18", v1::CIFAR, {"3", kPool, {}}, "the numbers of nn.Sequential"),
         "a max-pool");
  expect(OfResNet("resnet18", v1::IMAGENET, {"maxpool", "torch.nn.modules.linear.Identity", {}}),
         "no max-pool");
  // Caffe's bottlenecks, and an output_stride of 16.
  expect(OfResNet("resnet50", v1::IMAGENET, {"layer2.0.conv1", kConv, {{"stride", "2,2"}}}),
         "layer2.0.conv1");
  expect(OfResNet("resnet50", v1::IMAGENET,
                  {"layer4.1.conv2", kConv, {{"stride", "1,1"}, {"dilation", "2,2"}}}),
         "dilation 2,2");
  expect(OfResNet("resnet18", v1::CIFAR, {"layer1.0.bn1", kNorm, {{"eps", "0.001"}}}), "eps 0.001");
  expect(OfResNet("resnet18", v1::CIFAR, {"layer1.0.relu", "torch.nn.modules.activation.SiLU", {}}),
         "another activation");
  // TensorFlow's padding, standardised weights, Caffe's max-pool, GroupNorm, blur pooling.
  expect(OfResNet("resnet18", v1::IMAGENET, {"conv1", "timm.layers.conv2d_same.Conv2dSame", {}}),
         "conv1 (timm.layers.conv2d_same.Conv2dSame) is not known here");
  expect(OfResNet("resnet18", v1::IMAGENET,
                  {"layer1.0.conv1", kConv, {{"kernel_size", "3,3"}, {"padding", "0,0"}}}),
         "padding 0,0");
  expect(OfResNet("resnet18", v1::IMAGENET, {"maxpool", kPool, {{"ceil_mode", "true"}}}),
         "ceil_mode true");
  expect(OfResNet("resnet50", v1::IMAGENET,
                  {"layer2.0.downsample.1", "torch.nn.modules.normalization.GroupNorm", {}}),
         "another norm");
  expect(OfResNet("resnet18", v1::IMAGENET, {"layer1.0.aa", "timm.layers.BlurPool2d", {}}),
         "layer1.0.aa (timm.layers.BlurPool2d) is not known here");
  // Where names of blocks have no rule.
  v1::BackboneConfig config;
  config.set_architecture("resnet18");
  ForeignConfig said;
  expect(
      AddModules({{"encoder.stages.0.layers.0.layer.0.convolution", kConv, {}},
                  {"encoder.stages.0.layers.0.activation", "torch.nn.modules.activation.GELU", {}}},
                 {"", &Family("Hugging Face's names")}, config, &said),
      "another activation");
}

TEST(ModuleSettingsTest, WhatDoesNothingIsNoActivation) {
  constexpr char kNothing[] = "torch.nn.modules.linear.Identity";
  for (const char* name : {"relu", "act1"}) {
    EXPECT_THAT(OfResNet("resnet18", v1::CIFAR, {name, kNothing, {}}),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has no activation")));
  }
  v1::BackboneConfig config;
  config.set_architecture("resnet18");
  ForeignConfig said;
  const auto in_block = [&](const char* name) {
    return AddModules({{"layer1.0.conv1", kConv, {}}, {name, kNothing, {}}},
                      {"", &Family("torchvision's names")}, config, &said);
  };
  EXPECT_THAT(in_block("layer1.0.relu"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has no activation")));
  EXPECT_OK(in_block("layer1.0.drop_block"));
}

constexpr char kNumbers[] = "the numbers of nn.Sequential";
constexpr char kNumbersWithoutPool[] = "the numbers of nn.Sequential, without pooling";

// What stands in an nn.Sequential between the first norm and the first blocks.
absl::Status OfSequence(v1::Stem stem, const std::vector<const char*>& between,
                        const char* family) {
  std::vector<PickledModule> modules = {
      {"", "torch.nn.modules.container.Sequential", {}}, {"0", kConv, {}}, {"1", kNorm, {}}};
  for (const char* what : between) modules.push_back({absl::StrCat(modules.size() - 1), what, {}});
  const std::string blocks = absl::StrCat(modules.size() - 1);
  modules.push_back({blocks, "torch.nn.modules.container.Sequential", {}});
  modules.push_back({blocks + ".0", "my.Block", {}});
  modules.push_back({blocks + ".0.relu", "torch.nn.modules.activation.ReLU", {}});
  v1::BackboneConfig config;
  config.set_architecture("resnet18");
  config.set_stem(stem);
  ForeignConfig said;
  return AddModules(modules, {"", &Family(family)}, config, &said);
}

TEST(ModuleSettingsTest, TheStemOfASequenceIsWhatStandsInIt) {
  constexpr char kRelu[] = "torch.nn.modules.activation.ReLU";
  constexpr char kNothing[] = "torch.nn.modules.linear.Identity";
  const auto lacks = [](const char* what) {
    return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(absl::StrCat("has no ", what)));
  };
  EXPECT_OK(OfSequence(v1::IMAGENET, {kRelu, kPool}, kNumbers));
  EXPECT_OK(OfSequence(v1::CIFAR, {kRelu, kNothing}, kNumbers));
  EXPECT_OK(OfSequence(v1::CIFAR, {kRelu}, kNumbersWithoutPool));
  EXPECT_THAT(OfSequence(v1::IMAGENET, {kRelu, kNothing}, kNumbers), lacks("max-pool"));
  EXPECT_THAT(OfSequence(v1::IMAGENET, {kRelu}, kNumbersWithoutPool), lacks("max-pool"));
  EXPECT_THAT(OfSequence(v1::CIFAR, {kNothing, kNothing}, kNumbers), lacks("ReLU"));
  EXPECT_THAT(OfSequence(v1::CIFAR, {}, "the numbers of nn.Sequential, without ReLU and pooling"),
              lacks("ReLU"));
}

TEST(ModuleSettingsTest, WithoutModulesTheNumbersOfASequenceTellItsStem) {
  const auto of = [](const char* family, v1::Stem stem) {
    v1::BackboneConfig config;
    config.set_architecture("resnet18");
    config.set_stem(stem);
    ForeignConfig said;
    return AddModules({}, {"backbone.", &Family(family)}, config, &said);
  };
  EXPECT_OK(of(kNumbers, v1::IMAGENET));
  EXPECT_OK(of(kNumbersWithoutPool, v1::CIFAR));
  EXPECT_THAT(of(kNumbersWithoutPool, v1::IMAGENET),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no max-pool")));
  EXPECT_THAT(of("the numbers of nn.Sequential, without ReLU and pooling", v1::CIFAR),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("a forward() applied it (as Lightly's and kuangliu's do)")));
}

TEST(ModuleSettingsTest, FeaturesAreTheMeanOfAllPlacesAndOfNothingElse) {
  constexpr char kTimms[] = "timm.layers.adaptive_avgmax_pool.SelectAdaptivePool2d";
  for (const PickledModule& module :
       {PickledModule{
            "avgpool", "torch.nn.modules.pooling.AdaptiveAvgPool2d", {{"output_size", "1,1"}}},
        PickledModule{"avgpool", "torch.nn.modules.pooling.AvgPool2d", {{"kernel_size", "7"}}},
        PickledModule{"global_pool", kTimms, {{"pool_type", "avg"}}},
        PickledModule{"global_pool", kTimms, {{"pool_type", "fast"}}},
        PickledModule{"global_pool.flatten", "torch.nn.modules.flatten.Flatten", {}}}) {
    EXPECT_OK(OfResNet("resnet18", v1::IMAGENET, module)) << module.what;
  }
  for (const PickledModule& module :
       {PickledModule{"avgpool", "torch.nn.modules.pooling.AdaptiveMaxPool2d", {}},
        PickledModule{"avgpool", "torch.nn.modules.pooling.AvgPool2d", {{"kernel_size", "2"}}},
        PickledModule{
            "avgpool", "torch.nn.modules.pooling.AdaptiveAvgPool2d", {{"output_size", "7,7"}}},
        PickledModule{"gem", "my.GeMPooling", {}},
        PickledModule{"global_pool", kTimms, {{"pool_type", "max"}}},
        PickledModule{"global_pool", kTimms, {{"pool_type", "catavgmax"}}},
        // pool_type ''.
        PickledModule{"global_pool.pool", "torch.nn.modules.linear.Identity", {}}}) {
    EXPECT_THAT(OfResNet("resnet18", v1::IMAGENET, module),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr(absl::StrCat("its module ", module.name, " (", module.what))));
  }
}

absl::StatusOr<ForeignConfig> OfVit(const std::vector<PickledModule>& modules,
                                    ForeignConfig said = {}) {
  v1::BackboneConfig config;
  config.set_architecture("vit_tiny");
  config.set_patch_size(16);
  CASSLE_RETURN_IF_ERROR(AddModules(modules, {"encoder.", &Family("timm's names")}, config, &said));
  return said;
}

TEST(ModuleSettingsTest, OfATransformerHeadsAndEpsilonAreRead) {
  constexpr char kLayerNorm[] = "torch.nn.modules.normalization.LayerNorm";
  const PickledModule attention{"encoder.blocks.0.attn", "timm.Attention", {{"num_heads", "6"}}};
  const PickledModule norm{"encoder.blocks.0.norm1", kLayerNorm, {{"eps", "1e-05"}}};
  // Not of the encoder.
  const PickledModule other{"decoder.blocks.0.attn", "timm.Attention", {{"num_heads", "9"}}};
  ASSERT_OK_AND_ASSIGN(const ForeignConfig said, OfVit({attention, norm, other}));
  EXPECT_EQ(said.heads.value, 6);
  EXPECT_EQ(said.heads.by, "its module encoder.blocks.0.attn");
  EXPECT_EQ(said.norm_eps.value, 1e-5);
  ForeignConfig config;
  config.heads = {3, "num_heads in model_args of config.json"};
  EXPECT_THAT(OfVit({attention}, config),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("num_heads 6, and num_heads in")));
  EXPECT_THAT(OfVit({norm, {"encoder.norm", kLayerNorm, {{"eps", "1e-06"}}}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("encoder.norm has eps 1e-06")));
  EXPECT_THAT(OfVit({{"encoder", "timm.VisionTransformer", {{"global_pool", "avg"}}}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("global_pool avg")));
  EXPECT_THAT(OfVit({{"encoder.blocks.0.mlp.act",
                      "torch.nn.modules.activation.GELU",
                      {{"approximate", "tanh"}}}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("approximate tanh")));
}

TEST(ModuleSettingsTest, OfActivationsOnlyTheExactGeluIsTaken) {
  const auto act = [](const char* what) { return OfVit({{"encoder.blocks.0.mlp.act", what, {}}}); };
  for (const char* what : {"torch.nn.modules.activation.GELU", "timm.layers.activations.GELU",
                           "transformers.activations.GELUActivation"}) {
    EXPECT_OK(act(what));
  }
  for (const char* what :
       {"timm.layers.activations.QuickGELU", "timm.layers.activations.GELUTanh",
        "transformers.activations.NewGELUActivation", "torch.nn.modules.activation.SiLU"}) {
    EXPECT_THAT(act(what), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("another activation")));
  }
  EXPECT_THAT(act("my.Rational"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("may change the features")));
  EXPECT_THAT(act("torch.nn.modules.linear.Identity"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has no activation")));
  EXPECT_OK(OfVit({{"encoder.blocks.0.drop_path1", "timm.layers.drop.DropPath", {}}}));
  // Where the names of blocks have no rule.
  v1::BackboneConfig config;
  config.set_architecture("vit_base");
  config.set_patch_size(16);
  ForeignConfig said;
  EXPECT_THAT(AddModules({{"layers.0.ln1", "torch.nn.modules.normalization.LayerNorm", {}},
                          {"layers.0.ffn.activate", "my.QuickGELU", {}}},
                         {"", &Family("mmpretrain's names")}, config, &said),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("layers.0.ffn.activate")));
}

}  // namespace
}  // namespace cassle
