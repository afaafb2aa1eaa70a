// ONNX models of every architecture: sound by the checker of ONNX, and, run node by node with
// LibTorch, the same features as the network. //tests:onnx_test runs them with ONNX Runtime.
#include "cassle/models/onnx/onnx_model.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/onnx/graph_evaluator.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::string name;
  std::string architecture;
  int image_size;
  double width_factor = 0;
  // Of a transformer: side of the images that its table of positions is for.
  int table_size = 0;
  v1::Positions positions = v1::POSITIONS_UNSPECIFIED;
  std::vector<float> extra_channels = {};
  // Of a transformer: registers, layer scales and SwiGLU.
  bool as_dinov2 = false;
};

const Case kCases[] = {
    {"CifarStem", "resnet18", 32, 0.125},
    {"ImageNetStem", "resnet34", 96, 0.125},
    {"Bottlenecks", "resnet50", 64, 0.125},
    {"ImageChannels", "resnet18", 32, 0.125, 0, v1::POSITIONS_UNSPECIFIED, {0.5f, -2, 3}},
    {"SineCosine", "vit_tiny", 32, 0, 32, v1::SINCOS},
    {"SineCosineOfAnotherGrid", "vit_tiny", 32, 0, 48, v1::SINCOS},
    {"LearnedPositionsResized", "vit_tiny", 48, 0, 32, v1::LEARNED},
    {"ImageChannelsOfATransformer", "vit_tiny", 32, 0, 32, v1::LEARNED, {-1}},
    {"WideBottlenecks", "wide_resnet50_2", 64, 0.125},
    {"ConvNext", "convnext_tiny", 72, 0.125},
    {"Registers", "vit_tiny", 48, 0, 32, v1::LEARNED, {}, true},
};

v1::ModelSpec SpecOf(const Case& of) {
  v1::ModelSpec spec;
  spec.set_image_size(of.image_size);
  v1::BackboneConfig config;
  config.set_architecture(of.architecture);
  if (of.width_factor > 0) config.set_width_factor(of.width_factor);
  if (of.table_size > 0) {
    config.set_patch_size(8);
    config.set_image_size(of.table_size);
    config.set_positions(of.positions);
  }
  if (of.as_dinov2) {
    config.set_registers(3);
    config.set_layer_scale(0.1);
    config.set_feed_forward(v1::SWIGLU);
    config.set_position_resize(v1::BICUBIC_ANTIALIASED);
  }
  for (const float value : of.extra_channels) config.add_extra_channels(value);
  *spec.mutable_backbone() = ResolveBackbone(config, of.image_size).value();
  return spec;
}

// Weights and statistics that are no defaults, as after training.
std::shared_ptr<Backbone> Trained(const v1::ModelSpec& spec) {
  std::shared_ptr<Backbone> backbone = MakeBackbone(spec.backbone(), /*seed=*/5).value();
  backbone->eval();
  backbone->set_requires_grad(false);
  at::manual_seed(5);
  for (const NamedTensor& weight : backbone->state()) {
    if (weight.tensor.dim() == 1) weight.tensor.uniform_(0.5, 1.5);
  }
  return backbone;
}

at::Tensor Images(const Case& of) {
  at::manual_seed(7);
  // Dark, grey, bright: noise alone looks alike to a deep network with random weights.
  const at::Tensor brightness = at::tensor({-2.0f, 0.0f, 2.0f}).view({3, 1, 1, 1});
  return at::randn({3, 3, of.image_size, of.image_size}) + brightness;
}

// What FrozenEncoder gives the backbone.
at::Tensor WithPlanes(const Case& of, const at::Tensor& images) {
  std::vector<at::Tensor> planes = {images};
  for (const float value : of.extra_channels) {
    planes.push_back(at::full_like(images.narrow(1, 0, 1), value));
  }
  return at::cat(planes, 1);
}

onnx::ModelProto Parse(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

class OnnxModelTest : public ::testing::TestWithParam<Case> {};

TEST_P(OnnxModelTest, IsSoundByTheCheckerOfOnnxAndHasTheShapesItSays) {
  const v1::ModelSpec spec = SpecOf(GetParam());
  const auto backbone = Trained(spec);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, MakeOnnxModel({spec, backbone.get(), {}, {}}));
  onnx::ModelProto model = Parse(bytes);
  ASSERT_EQ(model.opset_import_size(), 1);
  EXPECT_EQ(model.opset_import(0).version(), kOnnxOpset);
  // Throw: every input is made before it is read, names are made once, attributes fit, and the
  // shapes that follow from the nodes are those of the outputs.
  ASSERT_NO_THROW(onnx::checker::check_model(model));
  model.mutable_graph()->mutable_output(0)->clear_type();
  onnx::ShapeInferenceOptions strict;
  strict.check_type = true;
  strict.error_mode = 1;
  ASSERT_NO_THROW(
      onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict));
  const auto& shape = model.graph().output(0).type().tensor_type().shape();
  ASSERT_EQ(shape.dim_size(), 2);
  EXPECT_EQ(shape.dim(1).dim_value(), backbone->feature_size());
  EXPECT_FALSE(shape.dim(0).has_dim_value()) << "the batch is not dynamic";
}

TEST_P(OnnxModelTest, ItsInitialisersAreTheWeightsAndAllOfThem) {
  const Case& of = GetParam();
  const v1::ModelSpec spec = SpecOf(of);
  const auto backbone = Trained(spec);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, MakeOnnxModel({spec, backbone.get(), {}, {}}));
  std::map<std::string, at::Tensor> stored;
  const onnx::ModelProto model = Parse(bytes);
  for (const onnx::TensorProto& initializer : model.graph().initializer()) {
    EXPECT_TRUE(stored.emplace(initializer.name(), InitializerTensor(initializer)).second)
        << initializer.name() << " is there twice";
  }
  for (const NamedTensor& weight : backbone->state()) {
    if (absl::EndsWith(weight.name, "num_batches_tracked")) continue;
    ASSERT_TRUE(stored.count(weight.name)) << weight.name;
    if (weight.name == "pos_embed" && of.table_size != of.image_size) continue;
    EXPECT_TRUE(at::equal(stored.at(weight.name), weight.tensor)) << weight.name;
  }
}

TEST_P(OnnxModelTest, GivesTheFeaturesOfTheNetwork) {
  const Case& of = GetParam();
  const v1::ModelSpec spec = SpecOf(of);
  const auto backbone = Trained(spec);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, MakeOnnxModel({spec, backbone.get(), {}, {}}));
  const at::Tensor images = Images(of);
  const auto tensors = EvaluateGraph(Parse(bytes).graph(), {{kOnnxImages, images}});
  const at::Tensor features = tensors.at(kOnnxFeatures);
  const at::Tensor expected = backbone->forward(WithPlanes(of, images));
  ASSERT_EQ(features.sizes(), expected.sizes());
  const double largest = expected.abs().max().item<double>();
  // The same operations in float32; Winograd's convolutions round differently.
  EXPECT_LT((features - expected).abs().max().item<double>(), 2e-5 * largest);
  // Images differ, so something was compared.
  EXPECT_GT(expected.std(0).max().item<double>(), 1e-3 * largest);
}

INSTANTIATE_TEST_SUITE_P(Backbones, OnnxModelTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

ProbeClassifier Classifier(const std::string& target, int64_t classes, int64_t features) {
  return {target, at::randn({classes, features}), at::randn({classes}), {}};
}

TEST(OnnxModelPartsTest, ClassifiersGiveLogitsOfTheFeatures) {
  const v1::ModelSpec spec = SpecOf(kCases[0]);
  const auto backbone = Trained(spec);
  const int64_t width = backbone->feature_size();
  const std::vector<ProbeClassifier> classifiers = {Classifier("hue", 8, width),
                                                    Classifier("label", 5, width)};
  ASSERT_OK_AND_ASSIGN(const std::string bytes,
                       MakeOnnxModel({spec, backbone.get(), classifiers, {{"mean", "[0.5]"}}}));
  const onnx::ModelProto model = Parse(bytes);
  ASSERT_NO_THROW(onnx::checker::check_model(model));
  ASSERT_EQ(model.metadata_props_size(), 1);
  EXPECT_EQ(model.metadata_props(0).key(), "mean");
  EXPECT_EQ(model.graph().output_size(), 3);
  const auto tensors = EvaluateGraph(model.graph(), {{kOnnxImages, Images(kCases[0])}});
  for (const ProbeClassifier& classifier : classifiers) {
    const at::Tensor expected =
        at::matmul(tensors.at(kOnnxFeatures), classifier.weight.t()) + classifier.bias;
    EXPECT_TRUE(at::allclose(tensors.at("logits." + classifier.target), expected, 1e-4, 1e-4));
  }
}

TEST(OnnxModelPartsTest, AClassifierOfOtherFeaturesIsRefused) {
  const v1::ModelSpec spec = SpecOf(kCases[0]);
  const auto backbone = Trained(spec);
  EXPECT_THAT(MakeOnnxModel({spec, backbone.get(), {Classifier("label", 5, 7)}, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--classifier: that of label takes 7 features, and the model "
                                 "gives 64")));
}

TEST(OnnxModelPartsTest, ANetworkThatTheGraphDoesNotDescribeIsRefused) {
  class Renamed : public Backbone {
   public:
    Renamed() { AddParameter("gate", {2}, Constant(1)); }
    std::vector<at::Tensor> ForwardStages(const at::Tensor& images) override { return {images}; }
    int64_t feature_size() const override { return 64; }
  };
  Renamed backbone;
  backbone.Initialize(1);
  EXPECT_THAT(
      MakeOnnxModel({SpecOf(kCases[0]), &backbone, {}, {}}),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("cannot be written as ONNX yet")));
}

TEST(OnnxModelPartsTest, EqualPartsGiveEqualBytes) {
  const v1::ModelSpec spec = SpecOf(kCases[4]);
  const auto backbone = Trained(spec);
  ASSERT_OK_AND_ASSIGN(const std::string once, MakeOnnxModel({spec, backbone.get(), {}, {}}));
  ASSERT_OK_AND_ASSIGN(const std::string again, MakeOnnxModel({spec, backbone.get(), {}, {}}));
  EXPECT_EQ(once, again);
}

}  // namespace
}  // namespace cassle
