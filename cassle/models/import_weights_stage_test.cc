#include "cassle/models/import_weights_stage.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/exchange/torch_file_writer.h"
#include "cassle/models/exchange/weight_families.h"
#include "cassle/models/export_weights_stage.h"
#include "cassle/models/import_weights_testutil.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/vit.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

void ExpectSameBackbone(const std::string& folder, const Backbone& expected) {
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> loaded, LoadBackbone(folder));
  EXPECT_EQ(WeightsFingerprint(*loaded), WeightsFingerprint(expected));
}

TEST(ImportWeightsTest, AResidualNetworkIsRecognisedByItsShapes) {
  struct Case {
    const char* architecture;
    int image_size;
    double width_factor;
    v1::Stem stem;
  };
  for (const Case& model :
       {Case{"resnet18", 32, 0.125, v1::CIFAR}, Case{"resnet34", 96, 0.125, v1::IMAGENET},
        Case{"resnet50", 224, 0.25, v1::IMAGENET}}) {
    SCOPED_TRACE(model.architecture);
    const auto backbone = Make(model.architecture, model.image_size, model.width_factor);
    std::vector<WeightArray> arrays = ArraysOf(*backbone, "");
    arrays.push_back(Zeros("fc.weight", {10, 2}));
    arrays.push_back(Zeros("fc.bias", {10}));
    const std::string output = Fresh("recognised");
    ASSERT_OK_AND_ASSIGN(const StageOutcome outcome,
                         ImportFile(Written("recognised.pth", arrays), output));
    ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(output));
    EXPECT_EQ(spec.backbone().architecture(), model.architecture);
    EXPECT_EQ(spec.backbone().stem(), model.stem);
    EXPECT_EQ(spec.backbone().width_factor(), model.width_factor);
    EXPECT_EQ(spec.image_size(), model.stem == v1::CIFAR ? 32 : 224);
    EXPECT_EQ(spec.mean(0), 0.485);
    EXPECT_EQ(spec.std(2), 0.225);
    EXPECT_THAT(outcome.manifest.result_json(), HasSubstr("fc (2 tensors)"));
    ExpectSameBackbone(output, *backbone);
  }
}

TEST(ImportWeightsTest, ATransformerIsRecognisedInEveryVocabulary) {
  const auto backbone = Make("vit_tiny", 32);
  struct Case {
    const char* prefix;
    NameMap rename;
  };
  for (const Case& file : {Case{"", Same}, Case{"", ToTorchvisionName},
                           Case{"state_dict.module.base_encoder.", Same}}) {
    const std::string output = Fresh("vocabulary");
    std::vector<WeightArray> arrays = ArraysOf(*backbone, file.prefix, file.rename);
    arrays.push_back(Zeros(absl::StrCat(file.prefix, "head.0.weight"), {2, 2}));
    ASSERT_OK(ImportFile(Written("vocabulary.pth", arrays), output));
    ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(output));
    EXPECT_EQ(spec.backbone().architecture(), "vit_tiny");
    EXPECT_EQ(spec.backbone().patch_size(), 4);
    EXPECT_EQ(spec.backbone().image_size(), 32);
    EXPECT_EQ(spec.backbone().positions(), v1::SINCOS);
    EXPECT_EQ(spec.image_size(), 32);
    ExpectSameBackbone(output, *backbone);
  }
}

TEST(ImportWeightsTest, ASizeOfImagesThatNoWholeNumberOfPatchesFillsIsRefused) {
  v1::ImportWeightsOptions options;
  options.set_input(Written("patches.pth", ArraysOf(*Make("vit_tiny", 32), "")));
  options.set_output(Fresh("patches"));
  options.mutable_backbone()->set_heads(3);
  options.set_image_size(42);
  EXPECT_THAT(Import(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                        AllOf(HasSubstr("--image_size"), HasSubstr("40 and 44"))));
  EXPECT_FALSE(FileExists(options.output()));
  options.set_image_size(44);
  EXPECT_OK(Import(options));
}

TEST(ImportWeightsTest, ALearnedPositionTableIsKept) {
  v1::BackboneConfig config;
  config.set_architecture("vit_tiny");
  config.set_positions(v1::LEARNED);
  ASSERT_OK_AND_ASSIGN(config, ResolveBackbone(config, 16));
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(config, 5));
  const std::string output = Fresh("learned");
  v1::ImportWeightsOptions options;
  options.set_input(Written("learned.pth", ArraysOf(*backbone, "")));
  options.set_output(output);
  options.mutable_backbone()->set_heads(6);
  ASSERT_OK(Import(options));
  ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(output));
  EXPECT_EQ(spec.backbone().positions(), v1::LEARNED);
  EXPECT_EQ(spec.backbone().heads(), 6);
  // Not the same order: a learned table is a parameter, a fixed one a buffer.
  ASSERT_OK_AND_ASSIGN(const auto loaded, LoadBackbone(output));
  EXPECT_EQ(WeightsFingerprint(*loaded), WeightsFingerprint(*backbone));
}

// Numbers of nn.Sequential(*children): {"conv1.", "0."}, ...
std::string Numbered(const std::string& name, int first_blocks) {
  const std::string part = name.substr(0, name.find('.')), rest = name.substr(name.find('.'));
  if (part == "conv1") return "0" + rest;
  if (part == "bn1") return "1" + rest;
  return absl::StrCat(first_blocks + part.back() - '1', rest);
}

TEST(ImportWeightsTest, ASequenceWithoutOurReluOrMaxPoolIsRefused) {
  const auto whole = [](const std::string& name) { return Numbered(name, 4); };
  const auto without_pool = [](const std::string& name) { return Numbered(name, 3); };
  const auto without_both = [](const std::string& name) { return Numbered(name, 2); };
  // Of Lightly, whose blocks have a `shortcut` and whose forward() has the ReLU.
  const auto lightly = [](const std::string& name) {
    return absl::StrReplaceAll(Numbered(name, 2), {{".downsample.", ".shortcut."}});
  };
  const auto import = [](int image_size, NameMap rename) {
    const auto backbone = Make("resnet18", image_size, 0.125);
    const std::string output = Fresh("numbers");
    return ImportFile(Written("numbers.pth", ArraysOf(*backbone, "backbone.", rename)), output)
        .status();
  };
  EXPECT_OK(import(32, whole));
  EXPECT_OK(import(224, whole));
  EXPECT_OK(import(32, without_pool));
  EXPECT_THAT(import(224, without_pool),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("numbers.pth: its nn.Sequential has no max-pool"),
                             HasSubstr("behind a 7x7 stem"))));
  for (const NameMap rename : {NameMap(without_both), NameMap(lightly)}) {
    EXPECT_THAT(import(32, rename),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr("numbers.pth: its nn.Sequential has no ReLU")));
  }
}

TEST(ImportWeightsTest, ADeit3IsTakenUnderItsOwnNames) {
  v1::BackboneConfig config;
  config.set_architecture("vit_tiny");
  config.set_positions(v1::LEARNED);
  config.set_layer_scale(0.1);
  ASSERT_OK_AND_ASSIGN(config, ResolveBackbone(config, 32));
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(config, 5));
  std::vector<WeightArray> arrays = ArraysOf(*backbone, "model.", [](const std::string& name) {
    return absl::StrReplaceAll(name, {{"ls1.gamma", "gamma_1"}, {"ls2.gamma", "gamma_2"}});
  });
  for (WeightArray& array : arrays) {
    if (array.name != "model.pos_embed") continue;
    // Of the class token it has no row, which is one of zeros here.
    const size_t row = static_cast<size_t>(array.shape[2]) * sizeof(float);
    array.bytes.erase(0, row);
    --array.shape[1];
  }
  const std::string output = Fresh("deit3");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome,
                       ImportFile(Written("deit3.pth", arrays), output));
  EXPECT_THAT(absl::StrJoin(outcome.manifest.notes(), "; "), HasSubstr("one of zeros"));
  ASSERT_OK_AND_ASSIGN(const auto loaded, LoadBackbone(output));
  const std::vector<NamedTensor> state = loaded->state(), expected = backbone->state();
  ASSERT_EQ(state.size(), expected.size());
  for (size_t i = 0; i < state.size(); ++i) {
    if (state[i].name == "pos_embed") continue;
    EXPECT_TRUE(at::equal(state[i].tensor, expected[i].tensor)) << state[i].name;
  }
}

TEST(ImportWeightsTest, OfSeveralBackbonesAveragesAreLeftAsideAndOthersAreAskedFor) {
  const auto online = Make("resnet18", 32, 0.125, 1), other = Make("resnet18", 32, 0.125, 2);
  const auto both = [&](const char* first, const char* second) {
    std::vector<WeightArray> arrays = ArraysOf(*online, first);
    for (WeightArray& array : ArraysOf(*other, second)) arrays.push_back(std::move(array));
    return Written("both.pth", arrays);
  };
  std::string output = Fresh("both");
  ASSERT_OK_AND_ASSIGN(
      const StageOutcome outcome,
      ImportFile(both("module.base_encoder.", "module.momentum_encoder."), output));
  EXPECT_THAT(outcome.manifest.result_json(), HasSubstr("module.momentum_encoder (120 tensors)"));
  ExpectSameBackbone(output, *online);
  v1::ImportWeightsOptions options;
  options.set_input(both("student.", "teacher."));
  options.set_output(Fresh("both"));
  EXPECT_THAT(Import(options),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("\"student.\", \"teacher.\": choose one with --prefix")));
  options.set_prefix("teacher.");
  ASSERT_OK(Import(options));
  ExpectSameBackbone(options.output(), *other);
  options.set_prefix("pupil.");
  options.set_output(Fresh("both"));
  EXPECT_THAT(Import(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("--prefix=pupil.: no backbone is there")));
}

// Six heads or twelve: shapes are the same, features are not.
TEST(ImportWeightsTest, TheHeadsOfAVitSmallAreDecidedByItsPositionsOrAskedFor) {
  v1::BackboneConfig config;
  config.set_architecture("vit_small");
  ASSERT_OK_AND_ASSIGN(const v1::BackboneConfig fixed, ResolveBackbone(config, 16));
  config.set_positions(v1::LEARNED);
  ASSERT_OK_AND_ASSIGN(const v1::BackboneConfig learned, ResolveBackbone(config, 16));
  ASSERT_OK_AND_ASSIGN(const auto timm, MakeBackbone(learned, 1));
  ASSERT_OK_AND_ASSIGN(const auto moco, MakeBackbone(fixed, 1));
  const auto heads = [](const std::vector<WeightArray>& arrays) -> absl::StatusOr<int> {
    const std::string output = Fresh("heads");
    const auto outcome = ImportFile(Written("heads.pth", arrays), output);
    if (!outcome.ok()) return outcome.status();
    return ReadModelSpec(output)->backbone().heads();
  };
  EXPECT_EQ(heads(ArraysOf(*timm, "")).value(), 6);
  EXPECT_EQ(heads(ArraysOf(*moco, "module.base_encoder.")).value(), 12);
  EXPECT_THAT(heads(ArraysOf(*moco, "")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("--backbone.heads=12")));
}

TEST(ImportWeightsTest, ConfigJsonBesideTheWeightsIsReadAndIsAnInput) {
  const auto backbone = Make("vit_tiny", 32);
  const std::string folder = Fresh("hub");
  ASSERT_OK(MakeDirectories(folder));
  const std::string file = JoinPath(folder, "pytorch_model.bin");
  ASSERT_OK(WriteTorchFile(file, ArraysOf(*backbone, "")));
  const auto write = [&](const char* name, const char* text) {
    ASSERT_OK(WriteFile(JoinPath(folder, name), text));
  };
  write("config.json", R"({"model_type": "vit", "hidden_act": "gelu",
                           "num_attention_heads": 6, "layer_norm_eps": 1e-12})");
  write("preprocessor_config.json",
        R"({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]})");
  for (const std::string& input : {folder, file}) {
    const std::string output = Fresh("of_the_hub");
    ASSERT_OK(ImportFile(input, output));
    ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(output));
    EXPECT_EQ(spec.backbone().heads(), 6);
    EXPECT_EQ(spec.backbone().norm_eps(), 1e-12);
    EXPECT_EQ(spec.mean(0), 0.5);
    EXPECT_EQ(spec.std(2), 0.25);
  }
  write("config.json", R"({"model_type": "vit", "hidden_act": "quick_gelu"})");
  // Another config is another input.
  EXPECT_THAT(ImportFile(file, JoinPath(testing::TempDir(), "of_the_hub")),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("from other inputs")));
  EXPECT_THAT(ImportFile(file, Fresh("of_the_hub")),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("config.json"), HasSubstr("hidden_act"))));
}

TEST(ImportWeightsTest, WhatDoesNotFitIsSaidReadably) {
  const auto backbone = Make("resnet18", 32, 0.125);
  std::vector<WeightArray> arrays = ArraysOf(*backbone, "");
  arrays.push_back(Zeros("layer5.0.conv1.weight", {1}));
  arrays[0].name = "conv1.weights";
  EXPECT_THAT(ImportFile(Written("misfit.pth", arrays), Fresh("misfit")),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("no ResNet, vision transformer or ConvNeXt")));
  arrays[0].name = "conv1.weight";
  EXPECT_THAT(
      ImportFile(Written("misfit.pth", arrays), Fresh("misfit")),
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr("misfit.pth"), HasSubstr("1 unexpected: layer5.0.conv1.weight"))));
  arrays.pop_back();
  v1::ImportWeightsOptions options;
  options.set_input(Written("misfit.pth", arrays));
  options.set_output(Fresh("misfit"));
  options.mutable_backbone()->set_stem(v1::IMAGENET);
  EXPECT_THAT(Import(options),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("conv1.weight is [8, 3, 3, 3] and should be [8, 3, 7, 7]"),
                             HasSubstr("another stem"))));
  options.clear_backbone();
  options.add_mean(0.5);
  EXPECT_THAT(Import(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("needs three values")));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(&arrays[0].bytes[0], &nan, 4);
  EXPECT_THAT(ImportFile(Written("misfit.pth", arrays), Fresh("misfit")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("conv1.weight holds values")));
}

TEST(ImportWeightsTest, FilesWithoutBatchCountersAreAccepted) {
  const auto backbone = Make("resnet18", 32, 0.125);
  std::vector<WeightArray> arrays;
  for (WeightArray& array : ArraysOf(*backbone, "")) {
    if (array.dtype == DType::kF32) arrays.push_back(std::move(array));
  }
  const std::string output = Fresh("no_counters");
  ASSERT_OK(ImportFile(Written("no_counters.pth", arrays), output));
  ExpectSameBackbone(output, *backbone);
}

// Export, import, and export again: the same bits in both formats.
TEST(ExportWeightsTest, ExportedAndImportedWeightsHaveTheSameBits) {
  for (const char* architecture : {"resnet18", "vit_tiny"}) {
    for (auto names : {v1::ExportWeightsOptions::TORCHVISION, v1::ExportWeightsOptions::TIMM}) {
      const bool vit = std::string(architecture) == "vit_tiny";
      const auto backbone = Make(architecture, 32, vit ? 0 : 0.125);
      const std::string model = Fresh("model");
      ASSERT_OK(ImportFile(Written("model.pth", ArraysOf(*backbone, "")), model));
      v1::ExportWeightsOptions options;
      options.set_input(model);
      options.set_output(Fresh("exported"));
      options.set_names(names);
      ASSERT_OK_AND_ASSIGN(const StageOutcome outcome,
                           RunStage(ExportWeightsInfo(), options, {}, RunExportWeights));
      for (const char* file : {"backbone.pth", "backbone.safetensors"}) {
        const std::string again = Fresh("again");
        ASSERT_OK(ImportFile(JoinPath(options.output(), file), again));
        ASSERT_OK_AND_ASSIGN(const std::string first, ReadFile(JoinPath(model, kModelWeightsName)));
        ASSERT_OK_AND_ASSIGN(const std::string second,
                             ReadFile(JoinPath(again, kModelWeightsName)));
        EXPECT_TRUE(first == second) << architecture << " " << file;
        ASSERT_OK_AND_ASSIGN(const std::string spec, ReadFile(JoinPath(model, kModelSpecName)));
        ASSERT_OK_AND_ASSIGN(const std::string spec2, ReadFile(JoinPath(again, kModelSpecName)));
        EXPECT_EQ(spec, spec2);
      }
    }
  }
}

// One bit may be damage or somebody's edit: the weights are taken, and it is said.
TEST(ExportWeightsTest, ChangedWeightsAreSaidToBeChanged) {
  const std::string model = Fresh("model");
  ASSERT_OK(ImportFile(Written("model.pth", ArraysOf(*Make("resnet18", 32, 0.125), "")), model));
  v1::ExportWeightsOptions options;
  options.set_input(model);
  options.set_output(Fresh("exported"));
  ASSERT_OK(RunStage(ExportWeightsInfo(), options, {}, RunExportWeights));
  const std::string file = JoinPath(options.output(), "backbone.safetensors");
  const auto notes = [&] {
    return absl::StrJoin(ImportFile(file, Fresh("again")).value().manifest.notes(), "; ");
  };
  EXPECT_THAT(notes(), Not(HasSubstr("checksum")));
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(file));
  bytes[bytes.size() - 5] ^= 1;
  ASSERT_OK(WriteFile(file, bytes));
  EXPECT_THAT(notes(), HasSubstr("not those that export-weights wrote (their checksum differs)"));
}

// The description that the files carry brings back what no shape tells.
TEST(ExportWeightsTest, HeadsPositionsAndNormalisationComeBackInBothFormats) {
  v1::BackboneConfig config;
  config.set_architecture("vit_tiny");
  config.set_positions(v1::LEARNED);
  config.set_heads(6);
  config.set_norm_eps(1e-12);
  config.set_frozen_patch_embedding(false);
  ASSERT_OK_AND_ASSIGN(config, ResolveBackbone(config, 16));
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(config, 5));
  v1::ImportWeightsOptions import;
  import.set_input(Written("described.pth", ArraysOf(*backbone, "")));
  import.set_output(Fresh("described"));
  *import.mutable_backbone() = config;
  import.mutable_backbone()->clear_architecture();
  import.set_image_size(32);
  import.set_provenance("of a test");
  for (double value : {0.1, 0.2, 0.3}) import.add_mean(value), import.add_std(value);
  ASSERT_OK(Import(import));
  v1::ExportWeightsOptions options;
  options.set_input(import.output());
  options.set_output(Fresh("exported"));
  ASSERT_OK(RunStage(ExportWeightsInfo(), options, {}, RunExportWeights));
  ASSERT_OK_AND_ASSIGN(const std::string expected,
                       ReadFile(JoinPath(import.output(), kModelSpecName)));
  for (const char* file : {"backbone.pth", "backbone.safetensors"}) {
    const std::string again = Fresh("again");
    ASSERT_OK(ImportFile(JoinPath(options.output(), file), again));
    ASSERT_OK_AND_ASSIGN(const std::string spec, ReadFile(JoinPath(again, kModelSpecName)));
    EXPECT_EQ(spec, expected) << file;
  }
}

TEST(ExportWeightsTest, OnlyTheFormatThatIsAskedForIsWritten) {
  const std::string model = Fresh("model");
  ASSERT_OK(ImportFile(Written("model.pth", ArraysOf(*Make("resnet18", 32, 0.125), "")), model));
  for (auto format : {v1::ExportWeightsOptions::PTH, v1::ExportWeightsOptions::SAFETENSORS}) {
    v1::ExportWeightsOptions options;
    options.set_input(model);
    options.set_output(Fresh("one"));
    options.set_format(format);
    ASSERT_OK_AND_ASSIGN(const StageOutcome outcome,
                         RunStage(ExportWeightsInfo(), options, {}, RunExportWeights));
    EXPECT_EQ(FileExists(JoinPath(options.output(), "backbone.pth")),
              format == v1::ExportWeightsOptions::PTH);
    EXPECT_EQ(FileExists(JoinPath(options.output(), "backbone.safetensors")),
              format == v1::ExportWeightsOptions::SAFETENSORS);
    // torchvision has no residual network of another width.
    EXPECT_THAT(outcome.manifest.result_json(), ::testing::Not(HasSubstr("torchvision.models")));
  }
}

}  // namespace
}  // namespace cassle
