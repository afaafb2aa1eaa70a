// The stage pretrain with what stands beside a method: AugSelf, EquiMod, conditioning on
// differences.
#include <atomic>
#include <string>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/ssl/pretrain_stage.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(PretrainBesideTest, AugSelfIsResumedAndThrownAwayAfterTheRun) {
  for (const std::string& method : {std::string("moco_v2"), std::string("barlow_twins")}) {
    SCOPED_TRACE(method);
    const auto run = [&method] {
      v1::PretrainOptions options = TinyRun(method, 2);
      options.mutable_augself()->set_crop(0.5);
      options.mutable_augself()->set_flip(0.5);
      return options;
    };
    ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(run()));
    const v1::PretrainOptions options = run();
    const std::atomic<bool> interrupted(true);
    for (int step = 1; step < 4; ++step) {
      EXPECT_THAT(Train(options, &interrupted),
                  StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
    }
    ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
    EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());
    const absl::StatusOr<std::string> weights =
        ReadFile(JoinPath(options.output(), "weights.safetensors"));
    ASSERT_OK(weights);
    EXPECT_THAT(*weights, Not(HasSubstr("augself")));
    ASSERT_OK_AND_ASSIGN(const StageOutcome plain, Train(TinyRun(method, 2)));
    EXPECT_NE(plain.manifest.fingerprint(), undisturbed.manifest.fingerprint());
  }
}

TEST(PretrainBesideTest, AugSelfNeedsTheOperation) {
  v1::PretrainOptions options = TinyRun("moco_v2", 2);
  options.mutable_augself()->set_rotation(1);
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--augself"),
                             HasSubstr("no operation for descriptor group \"rotation\""))));
}

TEST(PretrainBesideTest, EquiModIsResumedThrownAwayAfterTheRunAndStandsBesideAugSelf) {
  const auto run = [](bool augself) {
    v1::PretrainOptions options = TinyRun("simclr", 2);
    options.mutable_equimod()->set_weight(1);
    options.mutable_equimod()->set_hidden_size(16);
    options.mutable_equimod()->add_groups("grayscale");
    options.mutable_equimod()->add_groups("crop");
    if (augself) options.mutable_augself()->set_flip(0.5);
    return options;
  };
  for (const bool augself : {false, true}) {
    ASSERT_OK_AND_ASSIGN(const StageOutcome undisturbed, Train(run(augself)));
    const v1::PretrainOptions options = run(augself);
    const std::atomic<bool> interrupted(true);
    for (int step = 1; step < 4; ++step) {
      EXPECT_THAT(Train(options, &interrupted),
                  StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
    }
    ASSERT_OK_AND_ASSIGN(const StageOutcome resumed, Train(options));
    EXPECT_EQ(resumed.manifest.fingerprint(), undisturbed.manifest.fingerprint());
    ASSERT_OK_AND_ASSIGN(const std::string weights,
                         ReadFile(JoinPath(options.output(), "weights.safetensors")));
    EXPECT_THAT(weights, Not(HasSubstr("equimod")));
    ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
    EXPECT_THAT(spec.provenance(), HasSubstr(augself ? ", AugSelf (flip), EquiMod (crop, grayscale)"
                                                     : "), EquiMod (crop, grayscale)"));
  }
  v1::PretrainOptions options = run(false);
  options.mutable_equimod()->add_groups("blur");
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--equimod.groups"), HasSubstr("\"blur\""))));
}

TEST(PretrainBesideTest, DifferencesAreToldOfTwoViewsAndRefusedWithMore) {
  v1::PretrainOptions options = TinyRun("swav", 1);
  options.mutable_conditioning()->set_relative(true);
  ASSERT_OK_AND_ASSIGN(const StageOutcome relative, Train(options));
  ASSERT_OK_AND_ASSIGN(const v1::ModelSpec spec, ReadModelSpec(options.output()));
  EXPECT_THAT(spec.provenance(), HasSubstr("conditioning mlp of differences (color"));
  ASSERT_OK_AND_ASSIGN(const StageOutcome own, Train(TinyRun("swav", 1)));
  EXPECT_NE(relative.manifest.fingerprint(), own.manifest.fingerprint());
  options = TinyRun("swav", 1);
  options.mutable_conditioning()->set_relative(true);
  options.clear_policy();
  options.set_policy_file(MultiCropPolicy());
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       AllOf(HasSubstr("--conditioning.relative=true"),
                                             HasSubstr("takes 4 views of this policy"))));
}

}  // namespace
}  // namespace cassle
