#include "cassle/models/weights/projector_folder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/import_weights_options.pb.h"
#include "cassle/models/testing/conditioning_testutil.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/stage/stage.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kDescriptor = 5;

v1::ModelSpec TestModel() {
  v1::ModelSpec spec;
  spec.mutable_backbone()->set_architecture("resnet18");
  spec.mutable_backbone()->set_stem(v1::CIFAR);
  spec.mutable_backbone()->set_width_factor(0.125);
  spec.set_image_size(16);
  for (int channel = 0; channel < 3; ++channel) {
    spec.add_mean(0.5);
    spec.add_std(0.25);
  }
  return spec;
}

// 64 features, 9 hidden values, 7 projections.
MlpOptions TestMlp() { return {.in = 64, .hidden = 9, .out = 7}; }

// A model folder as pretrain leaves it (without a backbone: nothing here reads it).
std::string MakeFolder(const ConditionedProjector* projector, bool described) {
  v1::ImportWeightsOptions options;
  options.set_output(testing::TempDir() + "/projector_folder");
  std::filesystem::remove_all(options.output());
  EXPECT_OK(RunStageWork(
      {.name = "made-up", .summary = ""}, options, {},
      [&](const google::protobuf::Message&, StageContext& context) -> absl::Status {
        SafetensorsWriter weights;
        CASSLE_RETURN_IF_ERROR(AddTensor("backbone.any", at::ones({2}), &weights));
        if (projector != nullptr) {
          CASSLE_RETURN_IF_ERROR(SaveModule(*projector, "projector.", &weights));
        }
        const std::string& folder = context.output_dir();
        CASSLE_RETURN_IF_ERROR(weights.Write(JoinPath(folder, kModelWeightsName)));
        if (described) {
          CASSLE_RETURN_IF_ERROR(
              WriteFile(JoinPath(folder, kProjectorSpecName), PrintTextProto(projector->spec())));
        }
        return WriteFile(JoinPath(folder, kModelSpecName), PrintTextProto(TestModel()));
      }));
  return options.output();
}

std::shared_ptr<ConditionedProjector> Projector(const v1::ConditioningConfig& config,
                                                const MlpOptions& mlp) {
  const auto projector = MakeConditionedProjector(config, kDescriptor, mlp, /*seed=*/3);
  EXPECT_OK(projector);
  // Moves the running statistics away from where a new network has them.
  (*projector)->forward(at::ones({4, mlp.in}) * 2, at::ones({4, kDescriptor}));
  (*projector)->eval();
  return *projector;
}

void ExpectSame(ConditionedProjector* a, ConditionedProjector* b) {
  at::NoGradGuard no_grad;
  const at::Tensor features = at::ones({2, 64});
  const at::Tensor descriptors = at::ones({2, kDescriptor}) * 0.5;
  EXPECT_TRUE(at::equal(a->forward(features, descriptors), b->forward(features, descriptors)));
}

TEST(ProjectorFolderTest, WhatPretrainDescribesComesBackForEveryConditioning) {
  for (const ConditioningCase& conditioning : AllConditioningCases()) {
    SCOPED_TRACE(conditioning.name);
    const auto saved = Projector(conditioning.config, TestMlp());
    ASSERT_OK_AND_ASSIGN(const auto loaded, LoadProjector(MakeFolder(saved.get(), true)));
    ASSERT_NE(loaded, nullptr);
    EXPECT_FALSE(loaded->is_training());
    EXPECT_EQ(loaded->spec().descriptor_size(), saved->spec().descriptor_size());
    ExpectSame(saved.get(), loaded.get());
  }
}

TEST(ProjectorFolderTest, WithoutDescriptionShapesTellOrTheRemedyIsNamed) {
  int guessed = 0;
  for (const ConditioningCase& conditioning : AllConditioningCases()) {
    SCOPED_TRACE(conditioning.name);
    const auto saved = Projector(conditioning.config, TestMlp());
    const auto loaded = LoadProjector(MakeFolder(saved.get(), false));
    const bool unclear = absl::StrContains(conditioning.name, "addition") ||
                         absl::StrContains(conditioning.name, "multiplication") ||
                         absl::StrContains(conditioning.name, "hypernetwork");
    if (unclear) {
      EXPECT_THAT(loaded, StatusIs(absl::StatusCode::kFailedPrecondition,
                                   HasSubstr("train or import the model again")));
      continue;
    }
    ASSERT_OK(loaded);
    ExpectSame(saved.get(), loaded->get());
    ++guessed;
  }
  EXPECT_GE(guessed, 4);
}

TEST(ProjectorFolderTest, ShapesTellTheLayersOfEveryMethodsProjector) {
  for (const MlpOptions& mlp :
       {MlpOptions{.in = 64, .hidden = 9, .out = 7, .depth = 3, .last_norm = true},
        MlpOptions{
            .in = 64, .hidden = 9, .out = 7, .depth = 3, .last_norm = true, .last_norm_affine = 0},
        MlpOptions{.in = 64, .hidden = 9, .out = 7, .depth = 3, .last_bias = false},
        MlpOptions{.in = 64, .hidden = 0, .out = 7, .depth = 1}}) {
    const auto saved = Projector({}, mlp);
    ASSERT_OK_AND_ASSIGN(const auto loaded, LoadProjector(MakeFolder(saved.get(), false)));
    ExpectSame(saved.get(), loaded.get());
  }
}

// GELU is DINO's, ReLU SimCLR's elsewhere: the same shapes.
TEST(ProjectorFolderTest, WithoutBatchNormOnlyADescriptionTellsTheActivation) {
  for (const Activation activation : {Activation::kGelu, Activation::kRelu}) {
    const MlpOptions mlp{.in = 64,
                         .hidden = 9,
                         .out = 7,
                         .depth = 3,
                         .activation = activation,
                         .hidden_norm = false};
    const auto saved = Projector({}, mlp);
    ASSERT_OK_AND_ASSIGN(const auto loaded, LoadProjector(MakeFolder(saved.get(), true)));
    ExpectSame(saved.get(), loaded.get());
    EXPECT_THAT(LoadProjector(MakeFolder(saved.get(), false)),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("do not tell its activation"),
                               HasSubstr("--backbone_only=true"))));
  }
}

TEST(ProjectorFolderTest, AFolderWithoutProjectorHasNone) {
  ASSERT_OK_AND_ASSIGN(const auto loaded, LoadProjector(MakeFolder(nullptr, false)));
  EXPECT_EQ(loaded, nullptr);
}

TEST(ProjectorFolderTest, ADescriptionThatDoesNotFitTheWeightsIsRefused) {
  auto saved = Projector({}, TestMlp());
  const std::string folder = MakeFolder(saved.get(), true);
  v1::ProjectorSpec spec = saved->spec();
  spec.mutable_mlp()->set_hidden(8);
  const std::string text = PrintTextProto(spec);
  // The same size: the folder stays complete.
  ASSERT_OK(WriteFile(JoinPath(folder, kProjectorSpecName), text));
  EXPECT_THAT(LoadProjector(folder), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("shape")));
  spec.mutable_mlp()->set_hidden(0);
  ASSERT_OK(WriteFile(JoinPath(folder, kProjectorSpecName), PrintTextProto(spec)));
  EXPECT_FALSE(LoadProjector(folder).ok());
  ASSERT_OK(WriteFile(JoinPath(folder, kProjectorSpecName), std::string(text.size(), '}')));
  EXPECT_THAT(LoadProjector(folder),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("projector.textproto:1:1")));
}

}  // namespace
}  // namespace cassle
