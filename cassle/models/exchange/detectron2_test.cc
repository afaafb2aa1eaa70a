#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/exchange/detectron2_file.h"
#include "cassle/models/export_weights_stage.h"
#include "cassle/models/import_weights_options.pb.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/stage/stage.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Shapes = std::map<std::string, std::vector<int64_t>>;

// One convolution and its norm, as detectron2.layers.Conv2d(norm="FrozenBN") has them.
void AddConvolution(const std::string& name, std::vector<int64_t> shape, Shapes* shapes) {
  for (const char* of_norm : {"weight", "bias", "running_mean", "running_var"}) {
    (*shapes)[absl::StrCat(name, ".norm.", of_norm)] = {shape[0]};
  }
  (*shapes)[absl::StrCat(name, ".weight")] = std::move(shape);
}

// The state of detectron2.modeling.backbone.resnet.build_resnet_backbone with DEPTH 50 and
// OUT_FEATURES up to res5, from its source: BasicStem, and BottleneckBlocks with a shortcut where
// the number of channels changes.
Shapes Detectron2R50() {
  Shapes shapes;
  AddConvolution("stem.conv1", {64, 3, 7, 7}, &shapes);
  const int blocks[] = {3, 4, 6, 3};
  int64_t in = 64;
  for (int stage = 0; stage < 4; ++stage) {
    const int64_t width = 64 << stage, out = 4 * width;
    for (int block = 0; block < blocks[stage]; ++block) {
      const std::string name = absl::StrCat("res", stage + 2, ".", block, ".");
      if (in != out) AddConvolution(name + "shortcut", {out, in, 1, 1}, &shapes);
      AddConvolution(name + "conv1", {width, in, 1, 1}, &shapes);
      AddConvolution(name + "conv2", {width, width, 3, 3}, &shapes);
      AddConvolution(name + "conv3", {out, width, 1, 1}, &shapes);
      in = out;
    }
  }
  return shapes;
}

v1::BackboneConfig Config(const std::string& architecture, int image_size) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  return ResolveBackbone(config, image_size).value();
}

// A model folder with the weights of seed 3.
std::string MakeModel(const v1::BackboneConfig& config, int image_size) {
  v1::ImportWeightsOptions options;
  options.set_output(testing::TempDir() + "/detectron2_model");
  std::filesystem::remove_all(options.output());
  EXPECT_OK(RunStageWork(
      {.name = "made-up", .summary = ""}, options, {},
      [&](const google::protobuf::Message&, StageContext& context) -> absl::Status {
        CASSLE_ASSIGN_OR_RETURN(const auto backbone, MakeBackbone(config, /*seed=*/3));
        SafetensorsWriter weights;
        CASSLE_RETURN_IF_ERROR(SaveModule(*backbone, "backbone.", &weights));
        CASSLE_RETURN_IF_ERROR(weights.Write(JoinPath(context.output_dir(), kModelWeightsName)));
        v1::ModelSpec spec;
        *spec.mutable_backbone() = config;
        spec.set_image_size(image_size);
        for (double mean : {0.485, 0.456, 0.406}) spec.add_mean(mean);
        for (double std : {0.229, 0.224, 0.225}) spec.add_std(std);
        return WriteFile(JoinPath(context.output_dir(), kModelSpecName), PrintTextProto(spec));
      }));
  return options.output();
}

absl::StatusOr<StageOutcome> Export(const std::string& model, const std::string& output) {
  v1::ExportWeightsOptions options;
  options.set_input(model);
  options.set_output(output);
  options.set_format(v1::ExportWeightsOptions::DETECTRON2);
  return RunStage(ExportWeightsInfo(), options, {.force = true}, RunExportWeights);
}

// What a command prints; empty if it fails.
std::string OutputOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  size_t size = 0;
  while ((size = fread(buffer, 1, sizeof(buffer), pipe)) > 0) output.append(buffer, size);
  return pclose(pipe) == 0 ? output : "";
}

TEST(Detectron2Test, NamesAndShapesAreThoseOfItsR50) {
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(Config("resnet50", 224), /*seed=*/3));
  Shapes ours;
  for (const NamedTensor& entry : backbone->state()) {
    const std::string name = ToDetectron2Name(entry.name);
    if (!name.empty()) ours[name] = entry.tensor.sizes().vec();
  }
  EXPECT_EQ(ours, Detectron2R50());
  // 53 convolutions with five tensors each.
  EXPECT_EQ(ours.size(), 265u);
}

TEST(Detectron2Test, NamesOfTheOtherResidualNetworks) {
  EXPECT_EQ(ToDetectron2Name("conv1.weight"), "stem.conv1.weight");
  EXPECT_EQ(ToDetectron2Name("bn1.running_mean"), "stem.conv1.norm.running_mean");
  EXPECT_EQ(ToDetectron2Name("layer3.0.downsample.1.bias"), "res4.0.shortcut.norm.bias");
  EXPECT_EQ(ToDetectron2Name("layer4.1.bn2.weight"), "res5.1.conv2.norm.weight");
  EXPECT_EQ(ToDetectron2Name("bn1.num_batches_tracked"), "");
}

TEST(Detectron2Test, PythonLoadsTheSameNumbers) {
  const std::string python = "/usr/bin/python3";
  if (!FileExists(python) || OutputOf(python + " -c 'import numpy; print(1)' 2>&1").empty()) {
    GTEST_SKIP() << "python3 or NumPy is missing";
  }
  const v1::BackboneConfig config = Config("resnet50", 224);
  const std::string output = testing::TempDir() + "/detectron2_export";
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Export(MakeModel(config, 224), output));
  EXPECT_THAT(outcome.manifest.result_json(),
              AllOf(HasSubstr("\"tensors\":265,"), HasSubstr("INPUT.FORMAT RGB"),
                    HasSubstr("MODEL.PIXEL_MEAN [123.675,116.28,103.53]"),
                    HasSubstr("STRIDE_IN_1X1 False")));
  const std::string printed =
      OutputOf(absl::StrCat(python, " cassle/models/exchange/detectron2_load.py ",
                            JoinPath(output, "backbone.pkl"), " 2>&1"));
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(config, /*seed=*/3));
  std::map<std::string, std::string> expected;
  std::map<std::string, double> sums;
  for (const NamedTensor& entry : backbone->state()) {
    const std::string name = ToDetectron2Name(entry.name);
    if (name.empty()) continue;
    expected[name] = absl::StrCat("<f4 ", absl::StrJoin(entry.tensor.sizes().vec(), ","));
    sums[name] = entry.tensor.detach().to(at::kDouble).sum().item().toDouble();
  }
  std::map<std::string, std::string> found;
  for (absl::string_view line : absl::StrSplit(printed, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    ASSERT_EQ(words.size(), 4u) << line;
    found[words[0]] = absl::StrCat(words[1], " ", words[2]);
    double sum = 0;
    ASSERT_TRUE(absl::SimpleAtod(words[3], &sum)) << line;
    EXPECT_NEAR(sum, sums[words[0]], 1e-9) << line;
  }
  EXPECT_EQ(found, expected);
}

TEST(Detectron2Test, OtherNetworksAreRefusedWithTheReason) {
  const std::string output = testing::TempDir() + "/detectron2_refused";
  EXPECT_THAT(Export(MakeModel(Config("resnet18", 32), 32), output),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("CIFAR stem")));
  EXPECT_THAT(Export(MakeModel(Config("vit_tiny", 32), 32), output),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("vit_tiny")));
}

}  // namespace
}  // namespace cassle
