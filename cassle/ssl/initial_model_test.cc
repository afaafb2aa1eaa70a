// pretrain --initial_model: what a run takes over, what is fresh, and what does not fit.
#include "cassle/ssl/initial_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/ssl/pretrain_testutil.h"

namespace cassle {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// The output of MocoRun(), trained once.
const std::string& Initial() {
  static const auto& folder = *new std::string([] {
    const v1::PretrainOptions options = MocoRun("initial");
    EXPECT_OK(Train(options));
    return options.output();
  }());
  return folder;
}

v1::PretrainOptions RunFromInitial(const std::string& name, int epochs) {
  v1::PretrainOptions options = MocoRun(name);
  options.clear_backbone();
  options.set_initial_model(Initial());
  options.set_epochs(epochs);
  options.set_seed(9);
  return options;
}

SafetensorsFile WeightsOf(const std::string& folder) {
  return SafetensorsFile::Open(JoinPath(folder, kModelWeightsName)).value();
}

// Tensors of the part ("backbone.") that hold other bytes in the two folders; all must be in both.
int Differences(const std::string& part, const std::string& a, const std::string& b) {
  const SafetensorsFile first = WeightsOf(a), second = WeightsOf(b);
  int differences = 0, compared = 0;
  for (const std::string& name : first.names()) {
    if (!absl::StartsWith(name, part)) continue;
    ++compared;
    differences += first.Get(name)->bytes != second.Get(name)->bytes;
  }
  EXPECT_GT(compared, 0);
  return differences;
}

v1::ModelSpec SpecOf(const std::string& folder) {
  v1::ModelSpec spec;
  EXPECT_OK(ReadTextProto(JoinPath(folder, kModelSpecName), &spec));
  return spec;
}

TEST(InitialModelTest, AfterNoStepTheBackboneIsTheInitialOneAndTheProjectorIsFresh) {
  const v1::PretrainOptions options = RunFromInitial("no_step", 0);
  ASSERT_OK(Train(options));
  EXPECT_EQ(Differences("backbone.", Initial(), options.output()), 0);
  EXPECT_GT(Differences("projector.", Initial(), options.output()), 0);
  const v1::ModelSpec spec = SpecOf(options.output()), initial = SpecOf(Initial());
  EXPECT_EQ(spec.provenance(), absl::StrCat(initial.provenance(),
                                            ", then moco_v2, conditioning mlp (color, color_diff, "
                                            "crop, flip, grayscale), 0 epochs"));
  EXPECT_EQ(spec.initial_weights_fingerprint().size(), 32u);
  EXPECT_EQ(initial.initial_weights_fingerprint(), "");
  EXPECT_EQ(PrintTextProto(spec.backbone()), PrintTextProto(initial.backbone()));
}

TEST(InitialModelTest, TheProjectorComesAlongIfAskedFor) {
  v1::PretrainOptions options = RunFromInitial("with_projector", 0);
  options.set_initial_projector(true);
  ASSERT_OK(Train(options));
  EXPECT_EQ(Differences("", Initial(), options.output()), 0);
}

TEST(InitialModelTest, AnotherMethodStartsFromItAndItsEncoderDoesNotCollapse) {
  v1::PretrainOptions options = RunFromInitial("another_method", 1);
  options.mutable_method()->mutable_byol()->set_hidden_size(32);
  options.mutable_conditioning()->set_treatment(v1::NONE);
  options.set_layer_decay(0.75);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Train(options));
  EXPECT_GT(Differences("backbone.", Initial(), options.output()), 0);
  EXPECT_THAT(outcome.manifest.notes(), Not(Contains(HasSubstr("collapsed"))));
}

TEST(InitialModelTest, ImagesAreNormalisedAsTheInitialModels) {
  v1::PretrainOptions options = RunFromInitial("normalised", 0);
  options.clear_policy();
  options.set_policy_file(MultiCropPolicy());  // Mean 0.5.
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Train(options));
  const v1::ModelSpec spec = SpecOf(options.output()), initial = SpecOf(Initial());
  EXPECT_NE(initial.mean(0), 0.5);
  for (int channel = 0; channel < 3; ++channel) {
    EXPECT_EQ(spec.mean(channel), initial.mean(channel));
    EXPECT_EQ(spec.std(channel), initial.std(channel));
  }
  EXPECT_THAT(outcome.manifest.notes(), Contains(HasSubstr("normalised as the initial model's")));
  v1::Policy policy;
  ASSERT_OK(ReadTextProto(JoinPath(options.output(), "policy.textproto"), &policy));
  EXPECT_EQ(policy.mean(0), initial.mean(0));
}

TEST(InitialModelTest, AnotherSizeOfImagesIsSaid) {
  v1::PretrainOptions options = RunFromInitial("other_size", 0);
  const std::string policy = JoinPath(::testing::TempDir(), "small.textproto");
  std::string text = ReadFile(MultiCropPolicy()).value();
  text.replace(text.find("size: 32"), 8, "size: 24");
  ASSERT_OK(WriteFile(policy, text));
  options.clear_policy();
  options.set_policy_file(policy);
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Train(options));
  EXPECT_THAT(outcome.manifest.notes(),
              Contains(HasSubstr("saw images of 32 px, and sees 24 px now")));
}

// Largest change of a weight from the initial model to the run's.
double Moved(const std::string& name, const v1::PretrainOptions& options) {
  const SafetensorsFile before = WeightsOf(Initial()), after = WeightsOf(options.output());
  const auto first = before.Get(name)->values<float>(), last = after.Get(name)->values<float>();
  double moved = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    moved = std::max<double>(moved, std::abs(last[i] - first[i]));
  }
  return moved;
}

TEST(InitialModelTest, WithLayerDecayTheStemMovesLess) {
  v1::PretrainOptions all_alike = RunFromInitial("all_alike", 1);
  ASSERT_OK(Train(all_alike));
  v1::PretrainOptions decayed = RunFromInitial("decayed", 1);
  decayed.set_layer_decay(0.5);
  ASSERT_OK(Train(decayed));
  // 0.5^9 of the rate for the stem; half of it for the last block.
  EXPECT_LT(Moved("backbone.conv1.weight", decayed),
            0.02 * Moved("backbone.conv1.weight", all_alike));
  EXPECT_GT(Moved("backbone.layer4.1.conv2.weight", decayed),
            0.2 * Moved("backbone.layer4.1.conv2.weight", all_alike));
}

TEST(InitialModelTest, AProjectorOfASmallRateStaysWhereItStarted) {
  v1::PretrainOptions alike = RunFromInitial("projector_alike", 1);
  alike.set_initial_projector(true);
  ASSERT_OK(Train(alike));
  v1::PretrainOptions slow = RunFromInitial("projector_slow", 1);
  slow.set_initial_projector(true);
  slow.set_projector_rate(0.001);
  ASSERT_OK(Train(slow));
  EXPECT_LT(Moved("projector.mlp.0.weight", slow), 0.01 * Moved("projector.mlp.0.weight", alike));
  EXPECT_GT(Moved("backbone.conv1.weight", slow), 0.2 * Moved("backbone.conv1.weight", alike));
}

TEST(InitialModelTest, ARunInLinksHasTheBytesOfAnUnbrokenOne) {
  const std::string unbroken = FingerprintOfRun(RunFromInitial("unbroken", 2));
  v1::PretrainOptions first = RunFromInitial("first_link", 2);
  first.set_stop_epoch(1);
  ASSERT_OK(Train(first));
  v1::PretrainOptions last = RunFromInitial("last_link", 2);
  last.set_begin(first.output());
  EXPECT_EQ(FingerprintOfRun(last), unbroken);
}

void ExpectError(const v1::PretrainOptions& options, absl::StatusCode code,
                 const std::string& message) {
  const auto outcome = Train(options);
  EXPECT_THAT(outcome, StatusIs(code, HasSubstr(message)));
  EXPECT_FALSE(absl::StrContains(outcome.status().message(), "\n"));
  EXPECT_FALSE(FileExists(options.output()));
}

TEST(InitialModelTest, WhatDoesNotFitIsRefusedInOneLine) {
  const auto usage = absl::StatusCode::kInvalidArgument;
  const auto data = absl::StatusCode::kFailedPrecondition;
  v1::PretrainOptions options = RunFromInitial("misfit", 1);
  options.mutable_backbone()->set_architecture("resnet50");
  ExpectError(options, usage,
              "--backbone.architecture: the initial model, a resnet18, has "
              "\"resnet18\" and not what is chosen here");
  options = RunFromInitial("misfit", 1);
  options.mutable_backbone()->set_stem(v1::IMAGENET);
  ExpectError(options, usage, "--backbone.stem: the initial model, a resnet18, has CIFAR");
  options = RunFromInitial("misfit", 1);
  options.mutable_backbone()->set_patch_size(8);
  ExpectError(options, usage, "--backbone.patch_size: the initial model, a resnet18, has none");
  options = RunFromInitial("misfit", 1);
  options.mutable_conditioning()->set_injection(v1::IMAGE_CHANNELS);
  ExpectError(options, usage, "image_channels: the backbone of --initial_model takes R G B");
  options = RunFromInitial("misfit", 1);
  options.clear_initial_model();
  options.set_initial_projector(true);
  ExpectError(options, usage, "--initial_projector=true: name the model");
  options = RunFromInitial("misfit", 1);
  options.set_initial_projector(true);
  options.mutable_conditioning()->add_groups("crop");
  ExpectError(options, data,
              "is told color, color_diff, crop, flip, grayscale, and this run's crop");
  options = RunFromInitial("misfit", 1);
  options.set_initial_projector(true);
  options.mutable_conditioning()->set_relative(true);
  ExpectError(options, data,
              "is told of each view by itself: choose --conditioning.relative=false");
  options = RunFromInitial("misfit", 1);
  options.set_initial_projector(true);
  options.mutable_conditioning()->set_strength(2);
  ExpectError(options, data,
              "computes something else (conditioning.strength: 1 -> 2 in this run): choose it");
  options = RunFromInitial("misfit", 1);
  options.set_initial_projector(true);
  options.mutable_method()->mutable_moco_v2()->set_projection_size(24);
  ExpectError(options, absl::StatusCode::kDataLoss, "--initial_projector: ");
  options = RunFromInitial("misfit", 1);
  options.set_initial_model(JoinPath(::testing::TempDir(), "nothing_here"));
  ExpectError(options, absl::StatusCode::kNotFound, "nothing_here");
  options = RunFromInitial("misfit", 1);
  options.set_initial_model(TinyShapes());
  ExpectError(options, data, "model");
}

TEST(InitialModelTest, SettingsThatAgreeAreNoMistake) {
  v1::PretrainOptions options = RunFromInitial("agreeing", 0);
  options.mutable_backbone()->set_architecture("resnet18");
  options.mutable_backbone()->set_width_factor(0.125);
  ASSERT_OK(Train(options));
}

}  // namespace
}  // namespace cassle
