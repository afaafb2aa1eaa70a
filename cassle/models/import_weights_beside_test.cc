// What lies beside weights, what nothing tells, and weights without which there are no features.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/import_weights_stage.h"
#include "cassle/models/import_weights_testutil.h"
#include "cassle/models/weights/model_folder.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A folder with the weights of a vit_tiny, or a small resnet18, and files beside them.
class BesideTest : public ::testing::Test {
 protected:
  void Write(const char* name, const std::string& text) {
    ASSERT_OK(WriteFile(JoinPath(folder_, name), text));
  }
  void WriteWeights(const Backbone& backbone) {
    ASSERT_OK(RemoveAll(folder_));
    ASSERT_OK(MakeDirectories(folder_));
    ASSERT_OK(WriteTorchFile(JoinPath(folder_, "weights.pth"), ArraysOf(backbone, "")));
  }
  // The description, and the notes.
  absl::StatusOr<std::pair<v1::ModelSpec, std::string>> Import(v1::ImportWeightsOptions options) {
    options.set_input(folder_);
    options.set_output(Fresh("beside"));
    const auto outcome = RunStage(ImportWeightsInfo(), options, {}, RunImportWeights);
    if (!outcome.ok()) return outcome.status();
    const absl::StatusOr<v1::ModelSpec> spec = ReadModelSpec(options.output());
    if (!spec.ok()) return spec.status();
    return std::make_pair(*spec, absl::StrJoin(outcome->manifest.notes(), "; "));
  }
  static v1::ImportWeightsOptions Parse(const char* text) {
    v1::ImportWeightsOptions options;
    EXPECT_OK(ParseTextProto(text, "options", &options));
    return options;
  }
  void ExpectError(const char* options, absl::StatusCode code, const char* words) {
    EXPECT_THAT(Import(Parse(options)), StatusIs(code, HasSubstr(words)));
  }

  const std::string folder_ = JoinPath(testing::TempDir(), "beside_weights");
};

TEST_F(BesideTest, ConfigJsonOfTimmDecidesAndIsNamedAndThatOfOtherNetworksIsRefused) {
  WriteWeights(*Make("vit_tiny", 32));
  // Patches of 4.
  Write("config.json", R"({"architecture": "vit_tiny_patch16_224",
                           "model_args": {"num_heads": 6, "patch_size": 4, "img_size": 32}})");
  ASSERT_OK_AND_ASSIGN(const auto imported, Import({}));
  EXPECT_EQ(imported.first.backbone().heads(), 6);
  EXPECT_THAT(imported.second,
              AllOf(HasSubstr("attention heads 6 (by num_heads in model_args of config.json)"),
                    HasSubstr("norm_eps 1e-06 (by the name vit_tiny_patch16_224 in config.json)"),
                    HasSubstr("the class token and not the mean of the patches")));
  Write("config.json", R"({"architecture": "vit_small_patch4_32"})");
  ExpectError("", absl::StatusCode::kDataLoss, "and the tensors have the shapes of a vit_tiny");
  Write("config.json", R"({"model_type": "vit"})");
  ExpectError("", absl::StatusCode::kDataLoss, "give --backbone.heads");
  ASSERT_OK_AND_ASSIGN(const auto given, Import(Parse("backbone { heads: 3 }")));
  EXPECT_THAT(given.second,
              AllOf(HasSubstr("attention heads 3 (by --backbone.heads)"),
                    HasSubstr("norm_eps 1e-12 (by what transformers takes for a vit whose")));
}

TEST_F(BesideTest, ANameThatIsNotKnownNeedsAnOption) {
  WriteWeights(*Make("resnet18", 32, 0.125));
  Write("config.json", R"({"architecture": "resnetblur18"})");
  ExpectError("", absl::StatusCode::kDataLoss, "give --backbone.architecture=resnet18");
  ASSERT_OK_AND_ASSIGN(const auto imported, Import(Parse("backbone { architecture: 'resnet18' }")));
  EXPECT_THAT(imported.second, HasSubstr("resnetblur18, which is not known here and may"));
}

TEST_F(BesideTest, AFileOfANameThatIsNotReadIsRefused) {
  WriteWeights(*Make("resnet18", 32, 0.125));
  v1::ImportWeightsOptions options;
  options.add_beside(JoinPath(folder_, "config.json"));
  Write("config.json", R"({"architecture": "resnet18"})");
  EXPECT_OK(Import(options));
  Write("my_config.json", R"({"architecture": "resnetblur18"})");
  options.add_beside(JoinPath(folder_, "my_config.json"));
  EXPECT_THAT(Import(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("my_config.json: a file of this name is not read"),
                             HasSubstr("preprocessor_config.json"))));
}

TEST_F(BesideTest, ThePreprocessorIsReadWithoutConfigJson) {
  WriteWeights(*Make("resnet18", 32, 0.125));
  Write("preprocessor_config.json",
        R"({"image_mean": [0.5, 0.4, 0.3], "image_std": [0.25, 0.25, 0.25], "size": 64})");
  ASSERT_OK_AND_ASSIGN(const auto imported, Import({}));
  EXPECT_EQ(imported.first.mean(1), 0.4);
  EXPECT_EQ(imported.first.std(2), 0.25);
  EXPECT_EQ(imported.first.image_size(), 64);
  EXPECT_THAT(imported.second,
              HasSubstr("mean and std by preprocessor_config.json: 0.5,0.4,0.3 and 0.25,"));
  ASSERT_OK_AND_ASSIGN(const auto one, Import(Parse("mean: [0, 0, 0]")));
  EXPECT_EQ(one.first.mean(1), 0);
  EXPECT_EQ(one.first.std(2), 0.25);
}

TEST_F(BesideTest, WhatThePreprocessorCannotMeanIsDecidedByOptions) {
  WriteWeights(*Make("resnet18", 32, 0.125));
  for (const char* text : {R"({"image_mean": [127.5, 127.5, 127.5], "image_std": [0.5, 0.5, 0.5]})",
                           R"({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0]})",
                           R"({"image_mean": [0.5, 0.5, 0.5]})", R"({"do_rescale": false})"}) {
    Write("preprocessor_config.json", text);
    ExpectError("", absl::StatusCode::kDataLoss, ": give --mean and --std");
    ASSERT_OK_AND_ASSIGN(const auto given,
                         Import(Parse("mean: [0.5, 0.5, 0.5] std: [0.5, 0.5, 0.5]")));
    EXPECT_THAT(given.second, HasSubstr("by --mean and --std, not by preprocessor_config.json"));
  }
}

TEST_F(BesideTest, OfMeanAndStdNotOneAloneIsGiven) {
  WriteWeights(*Make("resnet18", 32, 0.125));
  ExpectError("mean: [0, 0, 0]", absl::StatusCode::kInvalidArgument, "nothing tells the --std");
  ExpectError("std: [1, 1, 1]", absl::StatusCode::kInvalidArgument, "nothing tells the --mean");
  ExpectError("mean: [0, 0, 0] std: [58, 57, 57]", absl::StatusCode::kInvalidArgument, "std");
  ASSERT_OK_AND_ASSIGN(const auto both, Import(Parse("mean: [0, 0, 0] std: [1, 1, 1]")));
  EXPECT_THAT(both.second, Not(HasSubstr("ImageNet's mean")));
}

TEST_F(BesideTest, AnotherFileOfWeightsInTheFolderIsNamed) {
  WriteWeights(*Make("resnet18", 32, 0.125));
  ASSERT_OK(WriteTorchFile(JoinPath(folder_, "pytorch_model.bin"),
                           ArraysOf(*Make("resnet18", 32, 0.125, 4), "")));
  ASSERT_OK_AND_ASSIGN(const auto imported, Import({}));
  EXPECT_THAT(imported.second,
              HasSubstr("pytorch_model.bin of the folder was read, and not weights.pth"));
}

// The error, or the notes.
std::string Told(const char* architecture, const std::string& file) {
  v1::ImportWeightsOptions options;
  options.set_input(file);
  options.set_output(Fresh("told"));
  options.mutable_backbone()->set_architecture(architecture);
  const auto outcome = Import(options);
  return outcome.ok() ? absl::StrJoin(outcome->manifest.notes(), "; ")
                      : outcome.status().ToString();
}

TEST(ImportWeightsTest, AFileThatIsCalledLikeAnotherNetworkIsImportedWithANote) {
  const std::vector<WeightArray> arrays = ArraysOf(*Make("resnet18", 32, 0.125), "");
  constexpr char kNote[] = "called like a resnetblur18, which is not known here";
  EXPECT_THAT(Told("", Written("my_resnetblur18-1.pth", arrays)), HasSubstr(kNote));
  EXPECT_THAT(Told("resnet18", Written("my_resnetblur18-1.pth", arrays)), Not(HasSubstr(kNote)));
  EXPECT_THAT(Told("", Written("my_resnet18-1.pth", arrays)), Not(HasSubstr("called like")));
}

TEST(ImportWeightsTest, OfANetworkForSegmentationTheStridesAreAskedFor) {
  std::vector<WeightArray> arrays = ArraysOf(*Make("resnet18", 32, 0.125), "backbone.");
  arrays.push_back(Zeros("classifier.4.weight", {21, 2, 1, 1}));
  constexpr char kWords[] = "a head for segmentation (classifier.4.weight)";
  EXPECT_THAT(Told("", Written("fcn.pth", arrays)),
              AllOf(HasSubstr("DATA_LOSS"), HasSubstr(kWords),
                    HasSubstr("give --backbone.architecture=resnet18")));
  EXPECT_THAT(Told("resnet18", Written("fcn.pth", arrays)),
              AllOf(HasSubstr(kWords), HasSubstr("--backbone.architecture decides")));
  arrays.back() = Zeros("decode_head.conv_seg.weight", {21, 2, 1, 1});
  EXPECT_THAT(Told("", Written("fcn.pth", arrays)),
              AllOf(HasSubstr("taken to have the strides"), Not(HasSubstr("DATA_LOSS"))));
  // A classifier of another kind.
  arrays.back() = Zeros("classifier.4.weight", {21, 2});
  EXPECT_THAT(Told("", Written("fcn.pth", arrays)), Not(HasSubstr("segmentation")));
}

TEST(ImportWeightsTest, WhatNoShapeTellsOfAResidualNetworkIsNamed) {
  const auto note = [](int image_size) {
    const auto outcome = ImportFile(
        Written("stem.pth", ArraysOf(*Make("resnet18", image_size, 0.125), "")), Fresh("stem"));
    return outcome.ok() ? absl::StrJoin(outcome->manifest.notes(), "; ")
                        : outcome.status().ToString();
  };
  EXPECT_THAT(note(32), AllOf(HasSubstr("the 3x3 convolution has stride 1 and no max-pool"),
                              HasSubstr("--backbone.stem=cifar"), HasSubstr("eps 1e-05")));
  EXPECT_THAT(note(224), HasSubstr("the 7x7 convolution has stride 2 and a max-pool"));
}

TEST(ImportWeightsTest, WhatMakesFeaturesImpossibleIsNamed) {
  const auto backbone = Make("resnet18", 32, 0.125);
  const std::vector<WeightArray> arrays = ArraysOf(*backbone, "");
  const auto expect = [](const std::string& path, const char* words) {
    EXPECT_THAT(ImportFile(path, Fresh("impossible")),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(words)));
  };
  std::vector<WeightArray> changed = arrays;
  for (WeightArray& array : changed) {
    const float negative = -1;
    if (array.name == "layer2.0.bn1.running_var") std::memcpy(&array.bytes[4], &negative, 4);
  }
  expect(Written("negative.pth", changed), "layer2.0.bn1.running_var holds variances below 0");
  changed.clear();
  for (const WeightArray& array : arrays) {
    if (!absl::StrContains(array.name, "running_")) changed.push_back(array);
  }
  expect(Written("no_statistics.pth", changed), "its norms have no bn1.running_mean");
  SafetensorsWriter writer;
  for (const WeightArray& array : arrays) {
    if (array.name == "conv1.weight") {
      writer.Add(array.name, DType::kI8, array.shape, std::string(array.bytes.size() / 4, '\1'));
    } else {
      writer.Add(array.name, array.dtype, array.shape, array.bytes);
    }
  }
  const std::string path = JoinPath(testing::TempDir(), "int8.safetensors");
  ASSERT_OK(writer.Write(path));
  expect(path, "tensor conv1.weight is int8");
  EXPECT_THAT(ReadModelSpec(path),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("import-weights --input=")));
}

}  // namespace
}  // namespace cassle
