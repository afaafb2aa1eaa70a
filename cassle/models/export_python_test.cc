// Networks that torchvision has no names for: exported, described and imported again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/export_weights_stage.h"
#include "cassle/models/import_weights_testutil.h"
#include "cassle/models/weights/model_folder.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

v1::BackboneConfig Config(const std::string& architecture) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  if (architecture != "vit_tiny") config.set_width_factor(0.25);
  config.set_layer_scale(0.125);
  return config;
}

std::string Notes(const StageOutcome& outcome) {
  return absl::StrJoin(outcome.manifest.notes(), "\n");
}

// Exports it under the names that are the default, and imports that again: the same files.
StageOutcome ThereAndBack(v1::BackboneConfig config) {
  config = ResolveBackbone(config, 32).value();
  const std::string model = Fresh("python_model"), again = Fresh("python_again");
  v1::ImportWeightsOptions import;
  import.set_input(Written("model.pth", ArraysOf(*MakeBackbone(config, 3).value(), "")));
  import.set_output(model);
  *import.mutable_backbone() = config;
  EXPECT_OK(Import(import));
  v1::ExportWeightsOptions options;
  options.set_input(model);
  options.set_output(Fresh("python_exported"));
  const StageOutcome outcome = RunStage(ExportWeightsInfo(), options, {}, RunExportWeights).value();
  EXPECT_OK(ImportFile(JoinPath(options.output(), "backbone.pth"), again));
  for (const char* file : {kModelWeightsName, kModelSpecName}) {
    EXPECT_TRUE(ReadFile(JoinPath(model, file)).value() == ReadFile(JoinPath(again, file)).value())
        << file;
  }
  return outcome;
}

TEST(ExportPythonTest, ADinov2HasTimmsNamesAndComesBack) {
  v1::BackboneConfig config = Config("vit_tiny");
  config.set_feed_forward(v1::SWIGLU);
  config.set_positions(v1::LEARNED);
  config.set_position_resize(v1::BICUBIC_BY_FACTOR);
  const StageOutcome dinov2 = ThereAndBack(config);
  EXPECT_THAT(Notes(dinov2), HasSubstr("timm's"));
  EXPECT_THAT(dinov2.manifest.result_json(),
              AllOf(HasSubstr("VisionTransformer(img_size=32, patch_size=4, embed_dim=192"),
                    HasSubstr("init_values=0.125"), HasSubstr("SwiGLUPacked")));
  // timm has no position for a class token beside registers.
  config.set_registers(4);
  EXPECT_THAT(ThereAndBack(config).manifest.result_json(), Not(HasSubstr("VisionTransformer(")));
}

TEST(ExportPythonTest, AConvNextHasTimmsNamesAndComesBack) {
  const StageOutcome convnext = ThereAndBack(Config("convnext_tiny"));
  EXPECT_THAT(Notes(convnext), HasSubstr("timm's"));
  EXPECT_THAT(convnext.manifest.result_json(),
              HasSubstr("ConvNeXt(depths=(3, 3, 9, 3), dims=(24, 48, 96, 192), num_classes=0)"));
}

// 16, 40, 80, 152 channels of a ResNet, 32, 56, 112, 232 of a ConvNeXt: the first ones are those
// of 0.25 and 0.33.
TEST(ExportPythonTest, AWidthThatTheFirstConvolutionDoesNotTellComesBack) {
  for (const char* architecture : {"resnet18", "convnext_tiny"}) {
    v1::BackboneConfig config = Config(architecture);
    config.set_width_factor(0.3);
    if (architecture == std::string("resnet18")) config.clear_layer_scale();
    ThereAndBack(config);
  }
}

TEST(ExportPythonTest, ATransformersEpsIsSaidWhereItIsNotTheUsual) {
  v1::BackboneConfig config = Config("vit_tiny");
  config.set_norm_eps(1e-12);
  EXPECT_THAT(ThereAndBack(config).manifest.result_json(),
              HasSubstr("norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-12)"));
  config.set_norm_eps(1e-6);
  EXPECT_THAT(ThereAndBack(config).manifest.result_json(), Not(HasSubstr("norm_layer")));
}

absl::StatusOr<StageOutcome> ForDetectron2(const std::string& architecture, double width_factor) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  config.set_width_factor(width_factor);
  config = ResolveBackbone(config, 224).value();
  v1::ImportWeightsOptions import;
  import.set_input(Written("model.pth", ArraysOf(*MakeBackbone(config, 3).value(), "")));
  import.set_output(Fresh("python_model"));
  *import.mutable_backbone() = config;
  EXPECT_OK(Import(import));
  v1::ExportWeightsOptions options;
  options.set_input(import.output());
  options.set_output(Fresh("python_exported"));
  options.set_format(v1::ExportWeightsOptions::DETECTRON2);
  return RunStage(ExportWeightsInfo(), options, {}, RunExportWeights);
}

// The channels of stages are rounded to multiples of 8: of a width factor of 0.12 each stage has
// twice those of the one before all the same, of 0.16 not.
TEST(ExportPythonTest, Detectron2IsToldTheChannelsThatThereAreOrRefusedWhatItCannotBeTold) {
  ASSERT_OK_AND_ASSIGN(const StageOutcome rounded, ForDetectron2("resnet18", 0.12));
  EXPECT_THAT(rounded.manifest.result_json(),
              AllOf(HasSubstr("RES2_OUT_CHANNELS 8 "), HasSubstr("STEM_OUT_CHANNELS 8 "),
                    HasSubstr("WIDTH_PER_GROUP 8")));
  EXPECT_THAT(ForDetectron2("resnet18", 0.16),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("they are 8, 24, 40, 80")));
}

TEST(ExportPythonTest, AWideResNetsSettingsForDetectron2CountItsInnerChannels) {
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, ForDetectron2("wide_resnet50_2", 0.125));
  // Detectron2 counts the channels inside bottlenecks.
  EXPECT_THAT(outcome.manifest.result_json(),
              AllOf(HasSubstr("DEPTH 50"), HasSubstr("RES2_OUT_CHANNELS 32"),
                    HasSubstr("STEM_OUT_CHANNELS 8"), HasSubstr("WIDTH_PER_GROUP 16")));
}

}  // namespace
}  // namespace cassle
