#include "cassle/augment/policy.h"

#include <functional>
#include <string>

#include "cassle/base/file.h"
#include "cassle/base/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(PolicyTest, EveryPresetIsValidAndNamedAsItsFile) {
  EXPECT_THAT(PresetNames(), ElementsAre("cifar", "imagenet", "stl10"));
  for (const std::string& name : PresetNames()) {
    ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy(name));
    EXPECT_EQ(policy.name(), name);
  }
}

TEST(PolicyTest, ImagenetIsTheAuthorsPolicy) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("imagenet"));
  EXPECT_EQ(policy.size(), 224);
  EXPECT_EQ(policy.blur().kernel_px(), 23);
  EXPECT_EQ(policy.color_jitter().probability(), 0.8);
  EXPECT_FALSE(policy.has_solarize());
  ASSERT_OK_AND_ASSIGN(v1::Policy stl10, LoadPolicy("stl10"));
  EXPECT_EQ(stl10.size(), 96);
  EXPECT_EQ(stl10.blur().kernel_px(), 9);
}

TEST(PolicyTest, UnknownNamesListThePresetsAndTheNearest) {
  EXPECT_THAT(LoadPolicy("imagnet"),
              StatusIs(kInvalid, AllOf(HasSubstr("did you mean \"imagenet\""),
                                       HasSubstr("cifar, imagenet, stl10"))));
  EXPECT_THAT(LoadPolicy("no/such.textproto"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no/such.textproto")));
}

TEST(PolicyTest, TextProtoFileIsReadAndItsTyposAreNamedWithLine) {
  const std::string path = ::testing::TempDir() + "/policy.textproto";
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("cifar"));
  policy.set_size(48);
  ASSERT_OK(WriteFile(path, PrintTextProto(policy)));
  ASSERT_OK_AND_ASSIGN(const v1::Policy read, LoadPolicy(path));
  EXPECT_EQ(read.size(), 48);

  ASSERT_OK(WriteFile(path, "size: 32\nflip { probabilty: 0.5 }\n"));
  EXPECT_THAT(LoadPolicy(path),
              StatusIs(kInvalid, AllOf(HasSubstr("policy.textproto:2:"), HasSubstr("probabilty"),
                                       HasSubstr("\"probability\""))));
}

TEST(PolicyTest, EveryBadFieldIsNamedWithARemedy) {
  struct Case {
    std::function<void(v1::Policy*)> damage;
    std::string expected;
  };
  const Case cases[] = {
      {[](v1::Policy* p) { p->set_size(0); }, "size is 0"},
      {[](v1::Policy* p) { p->mutable_crop()->set_scale_min(0); }, "crop.scale_min"},
      {[](v1::Policy* p) { p->mutable_crop()->set_scale_max(1.2); }, "crop.scale_max"},
      {[](v1::Policy* p) { p->mutable_crop()->set_ratio_max(0.5); }, "crop.ratio_max"},
      {[](v1::Policy* p) { p->mutable_flip()->set_probability(1.5); },
       "flip.probability is 1.5: a probability lies between 0 and 1"},
      {[](v1::Policy* p) { p->mutable_flip()->set_probability(std::nan("")); },
       "flip.probability is nan"},
      {[](v1::Policy* p) { p->mutable_grayscale()->set_probability(-0.1); },
       "grayscale.probability is -0.1"},
      {[](v1::Policy* p) { p->mutable_color_jitter()->set_brightness(-1); },
       "color_jitter.brightness is -1"},
      {[](v1::Policy* p) { p->mutable_color_jitter()->set_hue(0.6); }, "color_jitter.hue is 0.6"},
      {[](v1::Policy* p) { p->mutable_blur()->set_kernel_px(8); },
       "blur.kernel_px is 8: the number of taps must be odd, say 9"},
      {[](v1::Policy* p) { p->set_size(11); }, "blur.kernel_px is 23, but the view has only 11"},
      {[](v1::Policy* p) { p->mutable_blur()->set_sigma_min_px(0); }, "blur.sigma_min_px"},
      {[](v1::Policy* p) { p->mutable_blur()->set_sigma_min_px(3); }, "blur.sigma_max_px"},
      {[](v1::Policy* p) { p->mutable_solarize()->set_threshold_min(2); },
       "solarize.threshold_min"},
      {[](v1::Policy* p) { p->mutable_rotation()->set_probability(2); },
       "rotation.probability is 2"},
      {[](v1::Policy* p) { p->clear_mean(); }, "mean, std have 0 and 3 values"},
      {[](v1::Policy* p) { p->set_std(1, 0); }, "channel 1"},
  };
  for (const Case& test : cases) {
    ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("imagenet"));
    test.damage(&policy);
    EXPECT_THAT(CheckPolicy(policy),
                StatusIs(kInvalid, AllOf(HasSubstr("policy imagenet"), HasSubstr(test.expected))));
  }
}

TEST(PolicyTest, ViewsAreTheSameWhateverNameAndNormalisation) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy a, LoadPolicy("cifar"));
  v1::Policy b = a;
  b.set_name("mine");
  b.set_mean(0, 0.5);
  EXPECT_TRUE(SameViews(a, b));
  b.mutable_flip()->set_probability(0.4);
  EXPECT_FALSE(SameViews(a, b));
}

}  // namespace
}  // namespace cassle
