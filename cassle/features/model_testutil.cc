#include "cassle/features/model_testutil.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cassle/augment/views/descriptor.h"
#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/dataset_writer.h"
#include "cassle/eval/on_images/embed_options.pb.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/stage/stage.h"

namespace cassle {
namespace {

// Smooth enough that a crop still looks like its image.
RgbImage TestImage(int index, bool square) {
  RgbImage image;
  image.Resize(20, square ? 20 : 20 + index % 3);
  Philox random(StreamKey{7, RandomDomain::kTest, static_cast<uint64_t>(index), 0, 0});
  double color[3][3];
  for (auto& channel : color) {
    for (double& value : channel) value = random.Uniform(0.0, 1.0);
  }
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double value =
            color[c][0] * y / image.height + color[c][1] * x / image.width + color[c][2];
        image.pixels[(y * image.width + x) * 3 + c] = static_cast<uint8_t>(value * 85);
      }
    }
  }
  return image;
}

}  // namespace

std::string MakeTestFolder(const std::string& name,
                           const std::function<absl::Status(const std::string&)>& fill) {
  // Any options message: the harness only needs an output.
  v1::EmbedOptions options;
  options.set_output(testing::TempDir() + "/" +
                     testing::UnitTest::GetInstance()->current_test_info()->name() + "_" + name);
  std::filesystem::remove_all(options.output());
  const auto outcome = RunStageWork({.name = "made-up", .summary = ""}, options, {},
                                    [&](const google::protobuf::Message&, StageContext& context) {
                                      return fill(context.output_dir());
                                    });
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  return options.output();
}

std::string MakeTestImages(int images, bool square) {
  return MakeTestFolder("images", [&](const std::string& folder) -> absl::Status {
    v1::DatasetInfo info;
    info.set_name("test images");
    info.add_classes("even");
    info.add_classes("odd");
    DatasetWriter writer(folder, {"train", "one"}, 100000);
    for (int i = 0; i <= images; ++i) {
      const RgbImage image = TestImage(i, square);
      v1::ImageRecord record;
      record.set_key("picture " + std::to_string(i));
      record.set_format(v1::PNG);
      CASSLE_ASSIGN_OR_RETURN(*record.mutable_encoded(), EncodePng(image));
      record.set_height(image.height);
      record.set_width(image.width);
      record.set_label(i % 2);
      CASSLE_RETURN_IF_ERROR(writer.Append(i < images ? 0 : 1, &record));
    }
    return writer.Finish(&info);
  });
}

v1::Policy TestPolicy() {
  v1::Policy policy;
  policy.set_name("test");
  policy.set_size(16);
  policy.mutable_crop()->set_scale_min(0.3);
  policy.mutable_crop()->set_scale_max(1);
  policy.mutable_crop()->set_ratio_min(0.75);
  policy.mutable_crop()->set_ratio_max(1.3333333333333333);
  policy.mutable_flip()->set_probability(0.5);
  policy.mutable_color_jitter()->set_probability(0.8);
  policy.mutable_color_jitter()->set_brightness(0.4);
  policy.mutable_color_jitter()->set_contrast(0.4);
  policy.mutable_color_jitter()->set_saturation(0.4);
  policy.mutable_color_jitter()->set_hue(0.1);
  policy.mutable_grayscale()->set_probability(0.2);
  for (int channel = 0; channel < 3; ++channel) {
    policy.add_mean(0.5);
    policy.add_std(0.25);
  }
  return policy;
}

v1::ModelSpec TestModelSpec() {
  v1::ModelSpec spec;
  spec.mutable_backbone()->set_architecture("resnet18");
  spec.mutable_backbone()->set_stem(v1::CIFAR);
  spec.mutable_backbone()->set_width_factor(0.125);
  spec.set_image_size(16);
  for (int channel = 0; channel < 3; ++channel) {
    spec.add_mean(0.5);
    spec.add_std(0.25);
  }
  spec.set_provenance("a test");
  return spec;
}

v1::ConditioningConfig TestConditioning() {
  v1::ConditioningConfig config;
  config.set_treatment(v1::MLP);
  config.set_depth(2);
  config.set_width(4);
  return config;
}

std::string MakeTestModel(const TestModelOptions& options) {
  return MakeTestFolder(options.name, [&](const std::string& folder) -> absl::Status {
    const v1::ModelSpec spec = TestModelSpec();
    CASSLE_ASSIGN_OR_RETURN(const auto backbone, MakeBackbone(spec.backbone(), /*seed=*/7));
    if (options.change) options.change(backbone.get());
    SafetensorsWriter weights;
    CASSLE_RETURN_IF_ERROR(SaveModule(*backbone, "backbone.", &weights));
    if (options.with_projector) {
      const std::vector<std::string> groups = DescriptorGroupsOf(options.policy);
      CASSLE_ASSIGN_OR_RETURN(const DescriptorLayout layout,
                              DescriptorLayout::Create(options.policy, groups));
      CASSLE_ASSIGN_OR_RETURN(
          const auto projector,
          MakeConditionedProjector(options.conditioning, layout.size(),
                                   {.in = 64, .hidden = 12, .out = 8}, /*seed=*/8));
      CASSLE_RETURN_IF_ERROR(SaveModule(*projector, "projector.", &weights));
      v1::ProjectorSpec description = projector->spec();
      for (const std::string& group : groups) description.mutable_conditioning()->add_groups(group);
      if (options.described) {
        CASSLE_RETURN_IF_ERROR(
            WriteFile(JoinPath(folder, kProjectorSpecName), PrintTextProto(description)));
      }
    }
    if (options.described) {
      CASSLE_RETURN_IF_ERROR(
          WriteFile(JoinPath(folder, kPolicyName), PrintTextProto(options.policy)));
    }
    CASSLE_RETURN_IF_ERROR(weights.Write(JoinPath(folder, kModelWeightsName)));
    return WriteFile(JoinPath(folder, kModelSpecName), PrintTextProto(spec));
  });
}

}  // namespace cassle
