// The stage pretrain with every method: resuming, views, vision transformers.
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/pretrain_stage.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(PretrainMethodsTest, EveryMethodInterruptedAfterEveryStepEndsWithTheSameBytes) {
  for (const std::string& method : MethodNames()) {
    SCOPED_TRACE(method);
    ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(TinyRun(method, 2)));
    const v1::PretrainOptions options = TinyRun(method, 2);
    const std::atomic<bool> interrupted(true);
    for (int step = 1; step < 4; ++step) {
      EXPECT_THAT(Train(options, &interrupted),
                  StatusIs(absl::StatusCode::kCancelled,
                           HasSubstr(absl::StrCat("interrupted after step ", step, ";"))));
    }
    ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
    EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());
  }
}

TEST(PretrainMethodsTest, MultiCropIsResumedAndDiffersFromTwoViews) {
  for (const std::string& method : {std::string("swav"), std::string("dino"),
                                    std::string("supervised"), std::string("lejepa")}) {
    SCOPED_TRACE(method);
    const auto run = [&method] {
      v1::PretrainOptions options = TinyRun(method, 2);
      options.clear_policy();
      options.set_policy_file(MultiCropPolicy());
      return options;
    };
    ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(run()));
    const v1::PretrainOptions options = run();
    const std::atomic<bool> interrupted(true);
    for (int step = 1; step < 4; ++step) EXPECT_FALSE(Train(options, &interrupted).ok());
    ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
    EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());
  }
}

TEST(PretrainMethodsTest, AMethodOfTwoViewsTakesTheFirstTwoOfMore) {
  v1::PretrainOptions options = TinyRun("simclr", 1);
  options.clear_policy();
  options.set_policy_file(MultiCropPolicy());
  const std::string of_four = BytesOf(options);
  const std::string two = JoinPath(::testing::TempDir(), "two_views.textproto");
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(MultiCropPolicy()));
  const size_t small = text.find("views { count: 2 change { size: 16");
  text.erase(small, text.find("mean:") - small);
  ASSERT_OK(WriteFile(two, text));
  options = TinyRun("simclr", 1);
  options.clear_policy();
  options.set_policy_file(two);
  EXPECT_TRUE(BytesOf(options) == of_four);
}

TEST(PretrainMethodsTest, APolicyOfOneViewIsRefusedByMethodsOfTwo) {
  const std::string one = JoinPath(::testing::TempDir(), "one_view.textproto");
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(MultiCropPolicy()));
  text.erase(text.find("views { count: 2 change {}"), text.find("mean:") - text.find("views {"));
  ASSERT_OK(WriteFile(one, text + " views { count: 1 change {} }"));
  for (const std::string& method : MethodNames()) {
    v1::PretrainOptions options = TinyRun(method, 1);
    options.clear_policy();
    options.set_policy_file(one);
    if (method == "supervised") {
      EXPECT_OK(Train(options));
      continue;
    }
    EXPECT_THAT(Train(options),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("small_multi_crop makes 1 view of an image"),
                               HasSubstr(method + " needs 2"), HasSubstr("--policy"))));
  }
}

TEST(PretrainMethodsTest, SieIsToldTheGroupsItNamesOrAllOfThePolicyWhateverStandsBesideIt) {
  const auto run = [](bool beside) {
    v1::PretrainOptions options = TinyRun("sie", 1);
    if (beside) {
      options.mutable_augself()->set_flip(0.5);
      options.mutable_equimod()->set_weight(1);
      options.mutable_equimod()->set_hidden_size(16);
      options.mutable_equimod()->add_groups("applied.color_jitter");
    }
    return options;
  };
  for (const bool beside : {false, true}) {
    v1::PretrainOptions options = run(beside);
    const std::string bytes = BytesOf(options);
    // The bit that EquiMod alone is told of is not SIE's.
    options = run(beside);
    for (const char* group : {"flip", "color", "color_diff", "crop", "grayscale"}) {
      options.mutable_method()->mutable_sie()->add_groups(group);
    }
    EXPECT_TRUE(BytesOf(options) == bytes);
    ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
    EXPECT_THAT(
        spec.provenance(),
        HasSubstr("sie (color, color_diff, crop, flip, grayscale), conditioning mlp (color,"));
    ASSERT_OK_AND_ASSIGN(const std::string weights,
                         ReadFile(JoinPath(options.output(), "weights.safetensors")));
    EXPECT_THAT(weights, ::testing::Not(HasSubstr("equivariant")));
  }
  v1::PretrainOptions options = run(false);
  options.mutable_method()->mutable_sie()->add_groups("crop");
  ASSERT_OK(Train(options));
  ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
  EXPECT_THAT(spec.provenance(), HasSubstr("sie (crop), conditioning"));
  options = run(false);
  options.mutable_method()->mutable_sie()->add_groups("blur");
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--method.sie.groups"), HasSubstr("\"blur\""))));
}

// The policy "cifar" makes views of 32 px.
v1::PretrainOptions TinyVitRun() {
  v1::PretrainOptions options = TinyRun("moco_v3", 2);
  options.set_output(JoinPath(::testing::TempDir(), "run_vit"));
  EXPECT_OK(RemoveAll(options.output()));
  EXPECT_OK(RemoveAll(options.output() + ".partial"));
  options.clear_backbone();
  options.mutable_backbone()->set_architecture("vit_tiny");
  options.mutable_backbone()->set_patch_size(16);
  return options;
}

TEST(PretrainMethodsTest, AVisionTransformerIsTrainedAndResumedButItsFrozenWeightsStay) {
  ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(TinyVitRun()));
  const v1::PretrainOptions options = TinyVitRun();
  const std::atomic<bool> interrupted(true);
  EXPECT_THAT(Train(options, &interrupted),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted after step 1")));
  ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
  EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());

  ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
  EXPECT_EQ(spec.backbone().image_size(), 32);
  EXPECT_EQ(spec.backbone().heads(), 3);
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> trained, LoadBackbone(options.output()));
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> initial,
                       MakeBackbone(spec.backbone(), options.seed()));
  int frozen = 0, moved = 0;
  const std::vector<NamedTensor> after = trained->state(), before = initial->state();
  for (size_t i = 0; i < after.size(); ++i) {
    const NamedTensor& entry = after[i];
    const bool same = at::equal(entry.tensor, before[i].tensor);
    const bool fixed = entry.name == "pos_embed" || entry.name.rfind("patch_embed.", 0) == 0;
    EXPECT_TRUE(!fixed || same) << entry.name;
    frozen += fixed;
    moved += !same;
  }
  EXPECT_EQ(frozen, 3);
  EXPECT_GT(moved, 100);
}

TEST(PretrainMethodsTest, RegistersLayerScalesSwiGluAndAConvNextAreTrained) {
  v1::PretrainOptions transformer = TinyVitRun();
  v1::BackboneConfig* config = transformer.mutable_backbone();
  config->set_registers(2);
  config->set_layer_scale(0.1);
  config->set_feed_forward(v1::SWIGLU);
  config->set_positions(v1::LEARNED);
  v1::PretrainOptions convolutions = TinyVitRun();
  convolutions.clear_backbone();
  convolutions.mutable_backbone()->set_architecture("convnext_tiny");
  convolutions.mutable_backbone()->set_width_factor(0.125);
  for (const v1::PretrainOptions& options : {transformer, convolutions}) {
    EXPECT_OK(RemoveAll(options.output()));
    ASSERT_OK(Train(options));
    ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
    ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> trained, LoadBackbone(options.output()));
    ASSERT_OK_AND_ASSIGN(const std::shared_ptr<Backbone> initial,
                         MakeBackbone(spec.backbone(), options.seed()));
    const std::vector<NamedTensor> after = trained->named_parameters(),
                                   before = initial->named_parameters();
    for (size_t i = 0; i < after.size(); ++i) {
      EXPECT_FALSE(at::equal(after[i].tensor, before[i].tensor)) << after[i].name;
    }
  }
}

TEST(PretrainMethodsTest, AConvNextWantsViewsThatLeaveAPixel) {
  v1::PretrainOptions options = TinyRun("dino", 1);
  options.clear_policy();
  options.set_policy_file(MultiCropPolicy());
  options.clear_backbone();
  options.mutable_backbone()->set_architecture("convnext_tiny");
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("makes views of 16 px, and it needs 32")));
}

TEST(PretrainMethodsTest, AVisionTransformerWantsPatchesThatDivideTheViews) {
  const auto refused = [](const v1::PretrainOptions& options, const std::string& size) {
    EXPECT_THAT(Train(options),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("--backbone.patch_size"), HasSubstr(size + " px"))));
  };
  v1::PretrainOptions options = TinyVitRun();
  options.mutable_backbone()->set_patch_size(5);
  refused(options, "32");
  // 32 is a multiple of it, the small crops' 16 is not.
  options = TinyRun("dino", 1);
  options.clear_policy();
  options.set_policy_file(MultiCropPolicy());
  options.clear_backbone();
  options.mutable_backbone()->set_architecture("vit_tiny");
  options.mutable_backbone()->set_patch_size(32);
  refused(options, "16");
}

}  // namespace
}  // namespace cassle
