#include "cassle/models/exchange/detect_backbone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/backbone_sizes.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

TensorSignature Tensor(const std::string& name, std::vector<int64_t> shape) {
  return {name, DType::kF32, std::move(shape)};
}

// A transformer's tensors, as far as they are looked at.
std::vector<TensorSignature> Vit(int64_t width, int64_t positions, int depth) {
  std::vector<TensorSignature> tensors = {Tensor("patch_embed.proj.weight", {width, 3, 16, 16}),
                                          Tensor("pos_embed", {1, positions, width})};
  for (int i = 0; i < depth; ++i) {
    tensors.push_back(Tensor(absl::StrCat("blocks.", i, ".norm1.weight"), {width}));
  }
  return tensors;
}

// A bottleneck network's, as far as they are looked at.
std::vector<TensorSignature> ResNet(int64_t stem, int64_t inner, int blocks) {
  std::vector<TensorSignature> tensors = {Tensor("conv1.weight", {stem, 3, 7, 7}),
                                          Tensor("layer1.0.conv1.weight", {inner, stem, 1, 1}),
                                          Tensor("layer1.0.conv2.weight", {inner, inner, 3, 3}),
                                          Tensor("layer1.0.conv3.weight", {4 * stem, inner, 1, 1})};
  for (int i = 0; i < blocks; ++i) {
    tensors.push_back(Tensor(absl::StrCat("layer3.", i, ".conv1.weight"), {4 * inner, 8 * stem}));
  }
  return tensors;
}

TEST(DetectBackboneTest, DepthAndInnerWidthTellAResidualNetwork) {
  const auto expect = [](const std::vector<TensorSignature>& tensors, const char* name,
                         double factor) {
    ASSERT_OK_AND_ASSIGN(const v1::BackboneConfig config, DetectBackbone(tensors));
    EXPECT_EQ(config.architecture(), name);
    EXPECT_EQ(config.width_factor(), factor);
  };
  expect(ResNet(64, 64, 6), "resnet50", 1);
  expect(ResNet(64, 64, 23), "resnet101", 1);
  expect(ResNet(32, 32, 36), "resnet152", 0.5);
  expect(ResNet(64, 128, 6), "wide_resnet50_2", 1);
  // Twice as wide everywhere.
  expect(ResNet(128, 128, 6), "resnet50", 2);
}

TEST(DetectBackboneTest, WidthAndDepthTellATransformerAndItsTensorsWhatElseItHas) {
  for (const VitSize& size : VitSizes()) {
    std::vector<TensorSignature> tensors = Vit(size.width, 257, static_cast<int>(size.depth));
    ASSERT_OK_AND_ASSIGN(const v1::BackboneConfig plain, DetectBackbone(tensors));
    EXPECT_EQ(plain.architecture(), size.name);
    EXPECT_EQ(plain.image_size(), 256);
    EXPECT_EQ(plain.registers(), 0);
    EXPECT_EQ(plain.layer_scale(), 0);
    EXPECT_NE(plain.feed_forward(), v1::SWIGLU);
    tensors.push_back(Tensor("reg_token", {1, 4, size.width}));
    tensors.push_back(Tensor("blocks.0.ls1.gamma", {size.width}));
    tensors.push_back(Tensor("blocks.0.mlp.fc1.weight", {2 * SwiGluWidth(size.width), size.width}));
    tensors.push_back(Tensor("blocks.0.mlp.fc2.weight", {size.width, SwiGluWidth(size.width)}));
    ASSERT_OK_AND_ASSIGN(const v1::BackboneConfig config, DetectBackbone(tensors));
    EXPECT_EQ(config.registers(), 4);
    EXPECT_GT(config.layer_scale(), 0);
    EXPECT_EQ(config.feed_forward(), v1::SWIGLU);
  }
}

TEST(DetectBackboneTest, DepthsAndWidthTellAConvNext) {
  for (const ConvNextSize& size : ConvNextSizes()) {
    std::vector<TensorSignature> tensors = {Tensor("stem.0.weight", {size.width, 3, 4, 4}),
                                            Tensor("stages.0.blocks.0.gamma", {size.width})};
    for (int stage = 0; stage < 4; ++stage) {
      for (int block = 0; block < size.blocks[stage]; ++block) {
        tensors.push_back(Tensor(
            absl::StrCat("stages.", stage, ".blocks.", block, ".conv_dw.weight"), {1, 1, 7, 7}));
      }
    }
    ASSERT_OK_AND_ASSIGN(const v1::BackboneConfig config, DetectBackbone(tensors));
    EXPECT_EQ(config.architecture(), size.name);
    EXPECT_EQ(config.width_factor(), 1);
  }
}

TEST(DetectBackboneTest, UnknownNetworksAreDescribed) {
  const auto expect = [](const std::vector<TensorSignature>& tensors, const char* words) {
    EXPECT_THAT(DetectBackbone(tensors), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(words)));
  };
  expect({Tensor("conv1.weight", {64, 3, 5, 5})}, "first convolution is 5x5");
  expect({Tensor("conv1.weight", {64, 3, 7, 7}), Tensor("layer3.0.conv1.weight", {1})},
         "1 basic blocks in its third stage");
  expect({Tensor("conv1.weight", {64, 3, 7, 7}), Tensor("layer1.0.conv2.weight", {128, 4, 3, 3})},
         "in groups (a ResNeXt)");
  expect(Vit(1408, 197, 40), "width 1408; known are 192 (vit_tiny), 384 (vit_small)");
  expect(Vit(384, 197, 8), "width 384 and 8 blocks; a vit_small has 12");
  expect(Vit(1024, 197, 12), "a vit_large has 24");
  expect({Tensor("patch_embed.proj.weight", {384, 3, 16, 16})}, "rotary (DINOv3)");
  expect({Tensor("stem.0.weight", {40, 3, 4, 4}), Tensor("stages.0.blocks.0.gamma", {40})},
         "a ConvNeXt with 0, 0, 0, 0 blocks");
  expect(Vit(192, 198, 12), "198 positions");
}

}  // namespace
}  // namespace cassle
