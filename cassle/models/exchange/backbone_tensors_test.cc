#include "cassle/models/exchange/backbone_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/exchange/backbone_choice.h"
#include "cassle/models/exchange/whole_blocks.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// Filled with `value`.
WeightArray Array(const std::string& name, std::vector<int64_t> shape, float value = 0) {
  size_t count = 1;
  for (int64_t extent : shape) count *= extent;
  const std::vector<float> values(count, value);
  return {name, DType::kF32, std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), 4 * count)};
}

std::vector<float> Values(const WeightArray& array) {
  std::vector<float> values(array.bytes.size() / 4);
  std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

// What makes a residual network, and a transformer.
constexpr char kResNet[] = "conv1.weight layer4.0.conv1.weight";
constexpr char kVit[] = "cls_token patch_embed.proj.weight";

void Add(const std::string& prefix, absl::string_view names, float value, WeightFile* file) {
  for (absl::string_view name : absl::StrSplit(names, ' ')) {
    file->arrays.push_back(Array(absl::StrCat(prefix, name), {1}, value));
  }
}

absl::StatusOr<BackboneTensors> Select(const WeightFile& file) {
  const absl::StatusOr<BackboneChoice> choice = ChooseBackbone("", file);
  if (!choice.ok()) return choice.status();
  return SelectBackbone(choice->backbone, file);
}

TEST(BackboneTensorsTest, WhatStandsBesideTheNetworkIsCountedByItsOwner) {
  WeightFile file;
  Add("state_dict.net.", kResNet, 0, &file);
  Add("state_dict.net.", "fc.0.weight fc.2.weight projection_head.bias", 0, &file);
  Add("", "state_dict.queue optimizer.state.0.exp_avg optimizer.state.1.exp_avg", 0, &file);
  ASSERT_OK_AND_ASSIGN(const BackboneTensors tensors, Select(file));
  EXPECT_THAT(tensors.arrays,
              UnorderedElementsAre(Key("conv1.weight"), Key("layer4.0.conv1.weight")));
  EXPECT_THAT(
      tensors.left_out,
      UnorderedElementsAre(Pair("state_dict.net.fc", 2), Pair("optimizer", 2),
                           Pair("state_dict.net.projection_head", 1), Pair("state_dict.queue", 1)));
}

TEST(BackboneTensorsTest, WhatIsCalledLikeTheNetworkIsAPartOfIt) {
  WeightFile file;
  Add("", kResNet, 0, &file);
  Add("", "bn1.bias layer5.0.conv1.weight bn2.bias layer1.0.se.fc1.weight", 0, &file);
  ASSERT_OK_AND_ASSIGN(const BackboneTensors tensors, Select(file));
  EXPECT_THAT(tensors.left_out, IsEmpty());
  EXPECT_EQ(tensors.arrays.count("layer5.0.conv1.weight"), 1u);
  EXPECT_EQ(tensors.arrays.count("bn2.bias"), 1u);
  EXPECT_EQ(tensors.arrays.count("layer1.0.se.fc1.weight"), 1u);
}

TEST(BackboneTensorsTest, QueryKeyAndValueBecomeOneTensorInThisOrder) {
  WeightFile file;
  Add("vit.", "embeddings.cls_token encoder.layer.0.layernorm_before.weight", 0, &file);
  const std::string attention = "vit.encoder.layer.0.attention.attention.";
  file.arrays.push_back(Array(attention + "value.weight", {2, 2}, 3));
  file.arrays.push_back(Array(attention + "query.weight", {2, 2}, 1));
  file.arrays.push_back(Array(attention + "key.weight", {2, 2}, 2));
  file.arrays.push_back(Array(attention + "key.bias", {2}, 2));
  ASSERT_OK_AND_ASSIGN(const BackboneTensors tensors, Select(file));
  const WeightArray& joined = *tensors.arrays.at("blocks.0.attn.qkv.weight");
  EXPECT_THAT(joined.shape, ElementsAre(6, 2));
  EXPECT_THAT(Values(joined), ElementsAre(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3));
  // What has not all three stays in parts, and is missed by its name.
  EXPECT_EQ(tensors.arrays.count("blocks.0.attn.qkv[1].bias"), 1u);
}

TEST(BackboneTensorsTest, GatesAndValuesOfSwiGluBecomeOneTensorInThisOrder) {
  WeightFile file;
  Add("", "embeddings.cls_token encoder.layer.0.norm1.weight", 0, &file);
  file.arrays.push_back(Array("encoder.layer.0.mlp.up_proj.weight", {2, 1}, 2));
  file.arrays.push_back(Array("encoder.layer.0.mlp.gate_proj.weight", {2, 1}, 1));
  file.arrays.push_back(Array("encoder.layer.0.mlp.gate_proj.bias", {2}, 1));
  ASSERT_OK_AND_ASSIGN(const BackboneTensors tensors, Select(file));
  EXPECT_THAT(Values(*tensors.arrays.at("blocks.0.mlp.fc1.weight")), ElementsAre(1, 1, 2, 2));
  EXPECT_EQ(tensors.arrays.count("blocks.0.mlp.fc1[0].bias"), 1u);
}

TEST(BackboneTensorsTest, PositionsOfPatchesAloneGetARowOfZeros) {
  WeightFile file;
  Add("", kVit, 0, &file);
  file.arrays.push_back(Array("pos_embed", {1, 4, 2}, 7));
  ASSERT_OK_AND_ASSIGN(const BackboneTensors tensors, Select(file));
  EXPECT_THAT(tensors.arrays.at("pos_embed")->shape, ElementsAre(1, 5, 2));
  EXPECT_THAT(Values(*tensors.arrays.at("pos_embed")), ElementsAre(0, 0, 7, 7, 7, 7, 7, 7, 7, 7));
}

TEST(BackboneTensorsTest, NetworksThatComputeSomethingElseAreRefusedByName) {
  for (const char* name :
       {"dist_token", "fc_norm.weight", "norm_pre.bias", "rope_embed.periods",
        "blocks.0.attn.q_norm.weight", "blocks.0.gamma_1", "blocks.0.mlp.w1.weight"}) {
    WeightFile file;
    Add("", kVit, 0, &file);
    Add("", "blocks.0.norm1.weight", 0, &file);
    Add("", name, 0, &file);
    EXPECT_THAT(Select(file), StatusIs(absl::StatusCode::kDataLoss,
                                       AllOf(HasSubstr(name), HasSubstr("do not have"))));
  }
}

// BEiT's and DINOv3's are called so too.
TEST(BackboneTensorsTest, LayerScalesAreTakenUnderTheNameThatDeit3Gives) {
  const auto select = [](const char* beside) {
    WeightFile file;
    Add("", kVit, 0, &file);
    Add("", "blocks.0.norm1.weight blocks.0.gamma_1 blocks.0.gamma_2", 3, &file);
    if (beside != nullptr) Add("", beside, 0, &file);
    file.arrays.push_back(Array("pos_embed", {1, 4, 2}, 7));
    return Select(file);
  };
  ASSERT_OK_AND_ASSIGN(const BackboneTensors tensors, select(nullptr));
  EXPECT_EQ(tensors.arrays.count("blocks.0.ls1.gamma"), 1u);
  EXPECT_EQ(tensors.arrays.count("blocks.0.ls2.gamma"), 1u);
  EXPECT_THAT(select("blocks.0.attn.q_bias"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("(gamma_1; BEiT, DINOv3)")));
}

TEST(BackboneTensorsTest, BlocksOfAnotherFormAndPoolsOfAttentionAreNamed) {
  for (const char* name :
       {"blocks.0.attns.0.norm.weight", "blocks.0.in_proj.weight", "attn_pool.q.weight"}) {
    WeightFile file;
    Add("", kVit, 0, &file);
    Add("", name, 0, &file);
    EXPECT_THAT(Select(file), StatusIs(absl::StatusCode::kDataLoss,
                                       AllOf(HasSubstr(name), HasSubstr("do not have"))));
  }
}

absl::Status Blocks(absl::string_view network, absl::string_view blocks) {
  WeightFile file;
  Add("net.", network, 0, &file);
  Add("net.", blocks, 0, &file);
  const absl::StatusOr<BackboneTensors> tensors = Select(file);
  return tensors.ok() ? CheckBlocks(*tensors) : tensors.status();
}

TEST(WholeBlocksTest, TheTensorThatABlockLacksIsNamedAndOneBesideIt) {
  EXPECT_OK(Blocks(kResNet, "layer3.0.conv1.weight layer3.1.conv1.weight layer3.1.bn1.bias"));
  EXPECT_THAT(Blocks(kResNet, "layer3.0.bn1.bias layer3.1.conv1.weight"),
              StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("no layer3.0.conv1.weight"),
                                                          HasSubstr("net.layer3.0.bn1.bias"))));
  EXPECT_THAT(Blocks(kResNet, "layer3.1.conv1.weight"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("and none 0 before it")));
  EXPECT_THAT(Blocks(kResNet, "layer4.0.conv3.weight layer1.0.conv1.weight"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no layer1.0.conv3.weight")));
  EXPECT_OK(Blocks(kVit,
                   "blocks.0.norm1.weight blocks.10.norm1.weight blocks.1.norm1.weight "
                   "blocks.2.norm1.weight blocks.3.norm1.weight blocks.4.norm1.weight "
                   "blocks.5.norm1.weight blocks.6.norm1.weight blocks.7.norm1.weight "
                   "blocks.8.norm1.weight blocks.9.norm1.weight"));
  EXPECT_THAT(Blocks(kVit, "blocks.0.mlp.fc1.bias"),
              StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("no blocks.0.norm1.weight"),
                                                          HasSubstr("net.blocks.0.mlp.fc1.bias"))));
}

TEST(BackboneTensorsTest, ATensorUnderTwoNamesOrWithoutNumbersIsRefused) {
  WeightFile file;
  Add("", kResNet, 0, &file);
  file.arrays.push_back(Array("layer1.0.shortcut.0.weight", {1}));
  file.arrays.push_back(Array("layer1.0.downsample.0.weight", {1}));
  EXPECT_THAT(Select(file), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is there twice")));
  file.arrays.pop_back();
  file.arrays.push_back(Array("layer1.0.bn1.weight", {0}));
  EXPECT_THAT(Select(file),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("layer1.0.bn1.weight is empty")));
}

TEST(BackboneTensorsTest, WhatStandsInThePlaceOfATensorIsNamedWithItsKind) {
  WeightFile file;
  Add("", kResNet, 0, &file);
  file.unread.push_back({"layer1.0.hook", "a.Hook"});
  ASSERT_OK(Select(file));
  file.arrays.erase(file.arrays.begin());
  file.unread.push_back({"conv1.weight", "a sparse tensor"});
  EXPECT_THAT(Select(file),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("in the place of tensor conv1.weight stands a sparse tensor")));
}

TEST(BackboneChoiceTest, OfANetworkAndItsAveragesTheNetworkIsTaken) {
  for (const char* average :
       {"state_dict_ema.", "module.encoder_k.", "target_encoder.", "momentum_backbone."}) {
    WeightFile file;
    Add(average, kResNet, 1, &file);
    Add("model.", kResNet, 2, &file);
    ASSERT_OK_AND_ASSIGN(const BackboneChoice choice, ChooseBackbone("", file));
    EXPECT_EQ(choice.backbone.prefix, "model.");
    EXPECT_THAT(choice.reason, AllOf(HasSubstr(average), HasSubstr("--prefix")));
    ASSERT_OK_AND_ASSIGN(const BackboneChoice wanted, ChooseBackbone(average, file));
    EXPECT_EQ(wanted.backbone.prefix, average);
  }
}

// A word in a name, not letters of one.
TEST(BackboneChoiceTest, ANameThatContainsTheLettersOfAnAverageIsNone) {
  WeightFile file;
  Add("schema.", kResNet, 1, &file);
  Add("network.", kResNet, 2, &file);
  EXPECT_THAT(ChooseBackbone("", file),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("\"network.\", \"schema.\": choose one with --prefix")));
}

TEST(BackboneChoiceTest, ADinov3IsRefusedByItsName) {
  WeightFile file;
  Add("", "embeddings.register_tokens model.layer.0.attention.q_proj.weight", 1, &file);
  EXPECT_THAT(ChooseBackbone("", file),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("it is a DINOv3")));
}

TEST(BackboneChoiceTest, TheSameWeightsUnderTwoNamesNeedNoChoice) {
  WeightFile file;
  Add("resnet.", kResNet, 1, &file);
  Add("backbone.", "0.weight 4.0.conv1.weight 7.0.conv1.weight", 1, &file);
  Add("resnet.", "layer1.0.conv1.weight", 1, &file);
  ASSERT_OK_AND_ASSIGN(const BackboneChoice choice, ChooseBackbone("", file));
  EXPECT_EQ(choice.backbone.prefix, "backbone.");
  EXPECT_THAT(choice.reason, HasSubstr("the same weights"));
}

TEST(BackboneChoiceTest, OfWhatIsAlmostOneOfOursTheReasonIsSaid) {
  const auto expect = [](absl::string_view names, const char* words) {
    WeightFile file;
    Add("visual.", names, 0, &file);
    EXPECT_THAT(ChooseBackbone("", file),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr("no ResNet, vision transformer or ConvNeXt was found"),
                               HasSubstr(words))));
  };
  const std::string vit = "patch_embed.proj.weight pos_embed blocks.0.attn.qkv.weight";
  expect(vit, "with visual.patch_embed.proj.weight there is a vision transformer without a class");
  expect(vit + " attn_pool.q.weight", "attention pools its features (attn_pool)");
  expect("embeddings.patch_embedding.weight embeddings.class_embedding", "of CLIP");
  expect("conv1.0.weight conv1.3.weight layer4.0.conv1.weight", "several convolutions");
  expect("layer4.0.conv1.weight", "conv1.weight, is missing");
}

TEST(BackboneChoiceTest, APrefixMayBeGivenWithoutItsLastDotAndWithWrappers) {
  WeightFile file;
  Add("student.", kResNet, 1, &file);
  Add("teacher.", kResNet, 2, &file);
  ASSERT_OK_AND_ASSIGN(const BackboneChoice choice, ChooseBackbone("teacher._orig_mod.", file));
  EXPECT_EQ(choice.backbone.prefix, "teacher.");
  EXPECT_OK(ChooseBackbone("student", file));
  EXPECT_THAT(ChooseBackbone("pupil.", file),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no backbone is there")));
}

}  // namespace
}  // namespace cassle
