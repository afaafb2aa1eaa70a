// Views drawn on the fly, recorded parameters and recorded pixels train the same model, also with
// labels.
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/augment/augment_and_record_stage.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/conditioning_testutil.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Views of the shapes by a preset or by MultiCropPolicy().
std::string Recorded(v1::AugmentAndRecordOptions::Store store, bool multi_crop) {
  v1::AugmentAndRecordOptions options;
  options.set_input(TinyShapes());
  options.set_output(
      JoinPath(::testing::TempDir(), absl::StrCat("recorded_", store, multi_crop ? "_multi" : "")));
  multi_crop ? options.set_policy_file(MultiCropPolicy()) : options.set_policy("cifar");
  options.set_epochs(1);
  options.set_seed(0);
  options.set_store(store);
  EXPECT_OK(RunStage(AugmentAndRecordInfo(), options, {}, RunAugmentAndRecord));
  return options.output();
}

// On the fly, from recorded parameters and from recorded pixels. `run` makes the options anew.
template <typename MakeRun>
void ExpectThreeWaysOfFeedingAgree(const MakeRun& run, bool multi_crop) {
  v1::PretrainOptions options = run();
  if (multi_crop) {
    options.clear_policy();
    options.set_policy_file(MultiCropPolicy());
  }
  const std::string on_the_fly = BytesOf(options);
  for (const auto store : {v1::AugmentAndRecordOptions::PARAMS, v1::AugmentAndRecordOptions::RAW}) {
    options = run();
    options.clear_policy();
    options.set_views(Recorded(store, multi_crop));
    // Recorded pixels need no images, but do not know how many classes there are.
    const bool labelled = options.method().has_supervised();
    if (store == v1::AugmentAndRecordOptions::RAW && !labelled) options.clear_input();
    EXPECT_TRUE(BytesOf(options) == on_the_fly);
  }
}

TEST(PretrainFeedingTest, EveryMethodTrainsAlikeFromRecordedParametersAndPixels) {
  for (const std::string& method : MethodNames()) {
    SCOPED_TRACE(method);
    ExpectThreeWaysOfFeedingAgree([&method] { return TinyRun(method, 1); }, false);
  }
}

TEST(PretrainFeedingTest, EveryConditioningTrainsAlikeFromRecordedParametersAndPixels) {
  for (const ConditioningCase& conditioning : AllConditioningCases()) {
    SCOPED_TRACE(conditioning.name);
    // BYOL has a predictor, which one of the cases conditions.
    ExpectThreeWaysOfFeedingAgree(
        [&conditioning] {
          v1::PretrainOptions options = TinyRun("byol", 1);
          *options.mutable_conditioning() = conditioning.config;
          return options;
        },
        false);
  }
}

TEST(PretrainFeedingTest, MultiCropTrainsAlikeFromRecordedParametersAndPixels) {
  for (const std::string& method :
       {std::string("swav"), std::string("dino"), std::string("supervised")}) {
    SCOPED_TRACE(method);
    ExpectThreeWaysOfFeedingAgree([&method] { return TinyRun(method, 1); }, true);
  }
}

TEST(PretrainSupervisedTest, LearnsTheChosenTargetAlsoFromRecordedViews) {
  const auto shape = [] {
    v1::PretrainOptions options = TinyRun("supervised", 1);
    options.set_target("hue");
    return options;
  };
  const std::string label = BytesOf(TinyRun("supervised", 1));
  EXPECT_TRUE(BytesOf(shape()) != label);
  ExpectThreeWaysOfFeedingAgree(shape, false);
}

TEST(PretrainSupervisedTest, SaysWhatIsWrongWithTheLabels) {
  v1::PretrainOptions options = TinyRun("supervised", 1);
  options.set_target("colour");
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       AllOf(HasSubstr("--target"), HasSubstr("\"colour\""),
                                             HasSubstr("label, "), HasSubstr("hue"))));
  options = TinyRun("simclr", 1);
  options.set_target("hue");
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("--target=hue: simclr uses no labels")));
  options = TinyRun("supervised", 1);
  options.clear_input();
  options.clear_policy();
  options.set_views(Recorded(v1::AugmentAndRecordOptions::RAW, false));
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                       AllOf(HasSubstr("none"), HasSubstr("--input"))));
}

}  // namespace
}  // namespace cassle
