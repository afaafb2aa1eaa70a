#include "cassle/augment/policies/policy.h"

#include <climits>
#include <cmath>
#include <functional>
#include <string>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(PolicyTest, EveryPresetIsValidAndNamedAsItsFile) {
  EXPECT_THAT(PresetNames(), ElementsAre("cifar", "evaluation", "imagenet", "imagenet_byol",
                                         "imagenet_mocov3", "imagenet_swav", "stl10", "stl10_rot",
                                         "stl10_sol", "stl10_strong", "stl10_weak"));
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
  EXPECT_THAT(
      LoadPolicy("imagnet"),
      StatusIs(kInvalid, AllOf(HasSubstr("--policy=imagnet"), HasSubstr("did you mean imagenet?"),
                               HasSubstr("cifar, evaluation, imagenet, imagenet_byol"))));
  EXPECT_THAT(LoadPolicy("my.textproto"),
              StatusIs(kInvalid, HasSubstr("write --policy_file=my.textproto")));
  EXPECT_THAT(NamedPolicy("", "no/such.textproto"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no/such.textproto")));
}

TEST(PolicyTest, TextProtoFileIsReadAndItsTyposAreNamedWithLine) {
  const std::string path = ::testing::TempDir() + "/policy.textproto";
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("cifar"));
  policy.set_size(48);
  ASSERT_OK(WriteFile(path, PrintTextProto(policy)));
  ASSERT_OK_AND_ASSIGN(const auto named, NamedPolicy("", path));
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(named->size(), 48);
  ASSERT_OK_AND_ASSIGN(const v1::Policy stored, ReadStoredPolicy(path));
  EXPECT_EQ(stored.size(), 48);

  ASSERT_OK(WriteFile(path, "size: 32\nflip { probabilty: 0.5 }\n"));
  EXPECT_THAT(NamedPolicy("", path),
              StatusIs(kInvalid, AllOf(HasSubstr("policy.textproto:2:"), HasSubstr("probabilty"),
                                       HasSubstr("\"probability\""))));
  // A policy holds policies, and no stack is endless.
  std::string deep;
  for (int i = 0; i < 200000; ++i) deep += "views { change { ";
  ASSERT_OK(WriteFile(path, deep));
  EXPECT_THAT(NamedPolicy("", path), StatusIs(kInvalid, HasSubstr("too deep")));
  ASSERT_OK(WriteFile(path, "size: 32\nflip { probabilty: 0.5 }\n"));
  // What a program wrote is damaged then.
  EXPECT_THAT(ReadStoredPolicy(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(":2:")));
  ASSERT_OK(WriteFile(path, "size: -1"));
  EXPECT_THAT(ReadStoredPolicy(path),
              StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr(path), HasSubstr("size"))));
}

TEST(PolicyTest, AProbabilityThatIsLeftOutIsNoNever) {
  const std::string path = ::testing::TempDir() + "/probability.textproto";
  const std::string rest = " mean: [0.5, 0.5, 0.5] std: [0.5, 0.5, 0.5]";
  ASSERT_OK(WriteFile(path, "size: 32 flip {}" + rest));
  EXPECT_THAT(NamedPolicy("", path),
              StatusIs(kInvalid, AllOf(HasSubstr(path), HasSubstr("flip.probability is missing"))));
  // As earlier versions may have stored it.
  EXPECT_OK(ReadStoredPolicy(path).status());
  ASSERT_OK(WriteFile(path, "size: 32 flip { probability: 0 }" + rest));
  EXPECT_OK(NamedPolicy("", path).status());
  // A group of views changes what it names; an operation of its own needs a probability.
  ASSERT_OK(
      WriteFile(path,
                "size: 32 blur { probability: 1 sigma_min_px: 1 sigma_max_px: 2 kernel_px: 3 } "
                "views { count: 2 change { blur { sigma_max_px: 1 } } }" +
                    rest));
  EXPECT_OK(NamedPolicy("", path).status());
  ASSERT_OK(WriteFile(path, "size: 32 views { count: 2 change { grayscale {} } }" + rest));
  EXPECT_THAT(NamedPolicy("", path),
              StatusIs(kInvalid, HasSubstr("grayscale.probability is missing")));
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
      {[](v1::Policy* p) { p->mutable_blur()->set_kernel_px(INT_MIN); },
       "blur.kernel_px is -2147483648: the number of taps must be odd, say 3"},
      {[](v1::Policy* p) { p->set_size(11); }, "blur.kernel_px is 23, but the view has only 11"},
      {[](v1::Policy* p) { p->mutable_blur()->set_sigma_min_px(0); }, "blur.sigma_min_px"},
      {[](v1::Policy* p) { p->mutable_blur()->set_sigma_min_px(3); }, "blur.sigma_max_px"},
      {[](v1::Policy* p) { p->mutable_solarize()->set_threshold_min(2); },
       "solarize.threshold_min"},
      {[](v1::Policy* p) { p->mutable_rotation()->set_probability(2); },
       "rotation.probability is 2"},
      {[](v1::Policy* p) {
         p->mutable_solarize();
         p->mutable_solarize_after_blur();
       },
       "solarize_after_blur and solarize exclude each other"},
      {[](v1::Policy* p) { p->mutable_vertical_flip()->set_probability(-1); },
       "vertical_flip.probability is -1"},
      {[](v1::Policy* p) { p->mutable_color_drop()->set_probability(3); },
       "color_drop.probability is 3"},
      {[](v1::Policy* p) { p->mutable_angle_rotation()->set_degrees_max(270); },
       "angle_rotation.degrees_min, angle_rotation.degrees_max are 0 and 270: give -180 <= min"},
      {[](v1::Policy* p) { p->mutable_gaussian_noise()->set_sigma_min(0.1); },
       "gaussian_noise.sigma_max are 0.1 and 0"},
      {[](v1::Policy* p) { p->mutable_cutout(); }, "cutout.scale_min"},
      {[](v1::Policy* p) {
         p->mutable_cutout()->set_scale_min(0.1);
         p->mutable_cutout()->set_scale_max(0.1);
         p->mutable_cutout()->set_ratio_min(1);
         p->mutable_cutout()->set_ratio_max(1);
         p->mutable_cutout()->add_fill(0.5);
       },
       "cutout.fill has 1 values"},
      {[](v1::Policy* p) { p->clear_mean(); }, "mean, std have 0 and 3 values"},
      {[](v1::Policy* p) { p->set_std(1, 0); }, "channel 1"},
      {[](v1::Policy* p) { p->set_std(2, 1e-300); }, "channel 2 are 0.406 and 1e-300"},
  };
  for (const Case& test : cases) {
    ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("imagenet"));
    test.damage(&policy);
    EXPECT_THAT(CheckPolicy(policy),
                StatusIs(kInvalid, AllOf(HasSubstr("policy imagenet"), HasSubstr(test.expected))));
  }
}

constexpr char kTwoSizes[] = R"(
    name: "two_sizes" size: 48
    crop { scale_min: 0.2 scale_max: 1 ratio_min: 0.75 ratio_max: 1.3333 }
    flip { probability: 0.5 }
    blur { probability: 1 sigma_min_px: 0.1 sigma_max_px: 2 kernel_px: 5 }
    mean: [0.5, 0.5, 0.5] std: [0.2, 0.2, 0.2]
    compat: OFFICIAL
    views { count: 1 }
    views { count: 1 change { blur { probability: 0.1 } grayscale { probability: 0.2 } } }
    views { count: 3 change { name: "small" size: 16 crop { scale_max: 0.2 scale_min: 0.05 }
                              flip { probability: 0 } } })";

v1::Policy TwoSizes() {
  v1::Policy policy;
  EXPECT_OK(ParseTextProto(kTwoSizes, "test", &policy));
  EXPECT_OK(CheckPolicy(policy));
  return policy;
}

TEST(ViewPoliciesTest, GroupsChangeThePolicyInOrder) {
  EXPECT_EQ(NumViews(TwoSizes()), 5);
  ASSERT_OK_AND_ASSIGN(const auto views, ViewPolicies(TwoSizes(), 5));
  ASSERT_EQ(views.size(), 5u);
  for (const v1::Policy& view : views) {
    EXPECT_EQ(view.views_size(), 0);
    EXPECT_EQ(view.compat(), v1::OFFICIAL);
    EXPECT_EQ(view.mean_size(), 3);
  }
  EXPECT_EQ(views[0].blur().probability(), 1);
  EXPECT_FALSE(views[0].has_grayscale());
  EXPECT_EQ(views[1].blur().probability(), 0.1);
  EXPECT_EQ(views[1].blur().kernel_px(), 5);
  EXPECT_EQ(views[1].grayscale().probability(), 0.2);
  EXPECT_EQ(views[1].size(), 48);
  for (int v : {2, 3, 4}) {
    EXPECT_EQ(views[v].size(), 16);
    EXPECT_EQ(views[v].crop().scale_max(), 0.2);
    EXPECT_EQ(views[v].crop().ratio_min(), 0.75);
    EXPECT_EQ(views[v].flip().probability(), 0) << "a change can set 0";
    EXPECT_EQ(views[v].name(), "small");
  }
}

TEST(ViewPoliciesTest, AListOfAChangeStandsInPlaceOfThePolicys) {
  v1::Policy policy;
  ASSERT_OK(ParseTextProto(R"(
    name: "cutouts" size: 32
    crop { scale_min: 0.2 scale_max: 1 ratio_min: 0.75 ratio_max: 1.3333 }
    cutout { probability: 1 scale_min: 0.1 scale_max: 0.1 ratio_min: 1 ratio_max: 1 fill: [0, 0, 0] }
    mean: [0.5, 0.5, 0.5] std: [0.2, 0.2, 0.2]
    views { count: 1 change { cutout { fill: [1, 0.5, 0] } } }
    views { count: 1 change { cutout { probability: 0.5 } } })",
                           "test", &policy));
  ASSERT_OK(CheckPolicy(policy));
  ASSERT_OK_AND_ASSIGN(const auto views, ViewPolicies(policy, 2));
  EXPECT_THAT(views[0].cutout().fill(), ElementsAre(1, 0.5, 0));
  EXPECT_THAT(views[1].cutout().fill(), ElementsAre(0, 0, 0));
}

TEST(ViewPoliciesTest, FewerViewsAreTheFirstOnesAndMoreAreRefused) {
  ASSERT_OK_AND_ASSIGN(const auto two, ViewPolicies(TwoSizes(), 2));
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[1].blur().probability(), 0.1);
  EXPECT_THAT(ViewPolicies(TwoSizes(), 6),
              StatusIs(kInvalid, AllOf(HasSubstr("has 5 views"), HasSubstr("6 are wanted"))));
  ASSERT_OK_AND_ASSIGN(const v1::Policy alike, LoadPolicy("cifar"));
  EXPECT_EQ(NumViews(alike), 0);
  ASSERT_OK_AND_ASSIGN(const auto seven, ViewPolicies(alike, 7));
  EXPECT_EQ(seven.size(), 7u);
}

TEST(ViewPoliciesTest, BadGroupsAreNamedWithTheirFieldAndARemedy) {
  struct Case {
    std::function<void(v1::Policy*)> damage;
    std::string group;
    std::string expected;
  };
  const Case cases[] = {
      {[](v1::Policy* p) { p->mutable_views(1)->set_count(0); }, "view group 2", "count is 0"},
      {[](v1::Policy* p) { p->mutable_views(0)->set_count(1 << 30); }, "view group 1", "at most"},
      {[](v1::Policy* p) { p->mutable_views(2)->mutable_change()->set_size(2); },
       "view group 3 (small)", "blur.kernel_px is 5, but the view has only 2"},
      {[](v1::Policy* p) { p->mutable_views(0)->mutable_change()->set_size(32); }, "view group 1",
       "change.size is 32, but the policy's size is 48"},
      {[](v1::Policy* p) { p->mutable_views(1)->mutable_change()->add_views(); }, "view group 2",
       "change.views is not possible: groups of views do not nest"},
      {[](v1::Policy* p) { p->mutable_views(1)->mutable_change()->set_compat(v1::OFFICIAL); },
       "view group 2", "change.compat is not possible"},
      {[](v1::Policy* p) { p->mutable_views(1)->mutable_change()->set_compat(v1::CORRECT); },
       "view group 2", "change.compat is not possible"},
      {[](v1::Policy* p) { p->mutable_views(1)->mutable_change()->set_size(0); }, "view group 2",
       "size is 0"},
      {[](v1::Policy* p) { p->mutable_views(1)->mutable_change()->set_decode(v1::FAST); },
       "view group 2", "change.decode is not possible"},
      {[](v1::Policy* p) { p->set_decode(static_cast<v1::Decode>(5)); }, "", "decode is 5"},
      {[](v1::Policy* p) { p->mutable_views(1)->mutable_change()->add_mean(0); }, "view group 2",
       "change.mean, std is not possible"},
      {[](v1::Policy* p) {
         p->mutable_views(1)->mutable_change()->mutable_grayscale()->set_probability(2);
       },
       "view group 2", "grayscale.probability is 2"},
      {[](v1::Policy* p) { p->set_compat(static_cast<v1::Compat>(7)); }, "", "compat is 7"},
  };
  for (const Case& test : cases) {
    v1::Policy policy = TwoSizes();
    test.damage(&policy);
    EXPECT_THAT(CheckPolicy(policy),
                StatusIs(kInvalid, AllOf(HasSubstr("policy two_sizes"), HasSubstr(test.group),
                                         HasSubstr(test.expected))));
  }
}

TEST(PolicyTest, ViewsAreTheSameWhateverNameAndNormalisation) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy a, LoadPolicy("cifar"));
  v1::Policy b = a;
  b.set_name("mine");
  b.set_mean(0, 0.5);
  EXPECT_TRUE(SameViews(a, b));
  b.mutable_color_jitter()->set_hue(0);
  v1::Policy no_hue = b;
  no_hue.mutable_color_jitter()->clear_hue();
  EXPECT_TRUE(SameViews(b, no_hue));
  b = a;
  b.mutable_flip()->set_probability(0.4);
  EXPECT_FALSE(SameViews(a, b));
  b = a;
  b.mutable_color_drop()->set_probability(0.1);
  v1::Policy other_mean = b;
  other_mean.set_mean(0, 0.5);
  EXPECT_FALSE(SameViews(b, other_mean)) << "colour dropping fills with the mean";
  b = a;
  b.set_compat(v1::OFFICIAL);
  EXPECT_FALSE(SameViews(a, b));
  b = a;
  b.add_views()->set_count(2);
  b.mutable_views(0)->mutable_change()->mutable_flip()->set_probability(0.4);
  EXPECT_FALSE(SameViews(a, b));
}

TEST(PolicyTest, AChangeToZeroIsAnotherViewAndTheNameOfAGroupIsNot) {
  const v1::Policy a = TwoSizes();
  v1::Policy b = a;
  b.mutable_views(1)->mutable_change()->set_name("mine");
  EXPECT_TRUE(SameViews(a, b));
  b = a;
  // The policy's own is 1.
  b.mutable_views(0)->mutable_change()->mutable_blur()->set_probability(0);
  EXPECT_FALSE(SameViews(a, b));
  EXPECT_FALSE(SameViews(b, a));
  // What is 0 in the policy already stays so.
  b = a;
  v1::Policy zero = a;
  for (v1::Policy* policy : {&b, &zero}) policy->mutable_blur()->set_probability(0);
  zero.mutable_views(0)->mutable_change()->mutable_blur()->set_probability(0);
  EXPECT_TRUE(SameViews(b, zero));
  // The same views in other groups.
  b = a;
  b.mutable_views(2)->set_count(2);
  *b.add_views() = b.views(2);
  b.mutable_views(3)->set_count(1);
  EXPECT_TRUE(SameViews(a, b));
  b.mutable_views(3)->set_count(2);
  EXPECT_FALSE(SameViews(a, b));
}

}  // namespace
}  // namespace cassle
