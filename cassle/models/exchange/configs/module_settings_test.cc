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

}  // namespace
}  // namespace cassle
