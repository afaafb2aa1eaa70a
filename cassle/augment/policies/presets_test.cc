// Every preset against the numbers of its source, in a table to be read beside the paper.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

// One kind of view. A probability of -1: the operation is not in the policy.
struct Expected {
  std::string preset;
  int first_view;
  int views;  // of this kind; 0: any number
  int size;
  double scale_min, scale_max;
  double brightness, contrast, saturation, hue;
  double grayscale;
  double blur;
  int kernel_px;
  double solarize;
  double solarize_after_blur;
  double rotation;
};

const Expected kTable[] = {
    {"cifar", 0, 0, 32, .2, 1, .4, .4, .4, .1, .2, -1, 0, -1, -1, -1},
    {"imagenet", 0, 0, 224, .2, 1, .4, .4, .4, .1, .2, .5, 23, -1, -1, -1},
    {"imagenet_byol", 0, 1, 224, .08, 1, .4, .4, .2, .1, .2, 1, 23, -1, -1, -1},
    {"imagenet_byol", 1, 1, 224, .08, 1, .4, .4, .2, .1, .2, .1, 23, -1, .2, -1},
    {"imagenet_mocov3", 0, 1, 224, .2, 1, .4, .4, .2, .1, .2, 1, 23, -1, -1, -1},
    {"imagenet_mocov3", 1, 1, 224, .2, 1, .4, .4, .2, .1, .2, .1, 23, -1, .2, -1},
    {"imagenet_swav", 0, 2, 224, .14, 1, .8, .8, .8, .2, .2, .5, 23, -1, -1, -1},
    {"imagenet_swav", 2, 6, 96, .05, .14, .8, .8, .8, .2, .2, .5, 9, -1, -1, -1},
    {"stl10", 0, 0, 96, .2, 1, .4, .4, .4, .1, .2, .5, 9, -1, -1, -1},
    {"stl10_rot", 0, 0, 96, .2, 1, .4, .4, .4, .1, .2, .5, 9, -1, -1, .5},
    {"stl10_sol", 0, 0, 96, .2, 1, .4, .4, .4, .1, .2, .5, 9, .5, -1, -1},
    {"stl10_strong", 0, 0, 96, .2, 1, .8, .8, .8, .2, .4, .5, 9, -1, -1, -1},
    {"stl10_weak", 0, 0, 96, .2, 1, .2, .2, .2, .05, .1, .5, 9, -1, -1, -1},
};

void ExpectView(const Expected& expected, const v1::Policy& view) {
  EXPECT_EQ(view.size(), expected.size);
  EXPECT_EQ(view.crop().scale_min(), expected.scale_min);
  EXPECT_EQ(view.crop().scale_max(), expected.scale_max);
  EXPECT_EQ(view.crop().ratio_min(), 3.0 / 4.0);
  EXPECT_EQ(view.crop().ratio_max(), 4.0 / 3.0);
  EXPECT_EQ(view.flip().probability(), 0.5);
  EXPECT_EQ(view.color_jitter().probability(), 0.8);
  EXPECT_EQ(view.color_jitter().brightness(), expected.brightness);
  EXPECT_EQ(view.color_jitter().contrast(), expected.contrast);
  EXPECT_EQ(view.color_jitter().saturation(), expected.saturation);
  EXPECT_EQ(view.color_jitter().hue(), expected.hue);
  EXPECT_EQ(view.grayscale().probability(), expected.grayscale);
  EXPECT_EQ(view.has_blur() ? view.blur().probability() : -1, expected.blur);
  EXPECT_EQ(view.blur().kernel_px(), expected.kernel_px);
  if (view.has_blur()) {
    EXPECT_EQ(view.blur().sigma_min_px(), 0.1);
    EXPECT_EQ(view.blur().sigma_max_px(), 2);
  }
  EXPECT_EQ(view.has_solarize() ? view.solarize().probability() : -1, expected.solarize);
  if (view.has_solarize()) {
    EXPECT_EQ(view.solarize().threshold_min(), 0);
    EXPECT_EQ(view.solarize().threshold_max(), 1);
  }
  EXPECT_EQ(view.has_solarize_after_blur() ? view.solarize_after_blur().probability() : -1,
            expected.solarize_after_blur);
  if (view.has_solarize_after_blur()) {
    EXPECT_EQ(view.solarize_after_blur().threshold_min(), 0.5);
    EXPECT_EQ(view.solarize_after_blur().threshold_max(), 0.5);
  }
  EXPECT_EQ(view.has_rotation() ? view.rotation().probability() : -1, expected.rotation);
  for (bool extra : {view.has_vertical_flip(), view.has_color_drop(), view.has_angle_rotation(),
                     view.has_gaussian_noise(), view.has_cutout(), view.has_evaluation_crop()}) {
    EXPECT_FALSE(extra);
  }
}

TEST(PresetsTest, EveryViewHasTheNumbersOfItsSource) {
  for (const Expected& expected : kTable) {
    SCOPED_TRACE(absl::StrCat(expected.preset, ", view ", expected.first_view));
    ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy(expected.preset));
    EXPECT_EQ(policy.compat(), v1::CORRECT);
    const int end = expected.first_view + std::max(1, expected.views);
    ASSERT_OK_AND_ASSIGN(const auto views, ViewPolicies(policy, end));
    for (int v = expected.first_view; v < end; ++v) ExpectView(expected, views[v]);
  }
}

TEST(PresetsTest, TheTableHasEveryViewOfEveryPreset) {
  for (const std::string& name : PresetNames()) {
    if (name == "evaluation") continue;
    ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy(name));
    int views = 0;
    bool found = false;
    for (const Expected& expected : kTable) {
      if (expected.preset != name) continue;
      found = true;
      EXPECT_EQ(expected.first_view, views);
      views += expected.views;
    }
    EXPECT_TRUE(found) << name;
    EXPECT_EQ(NumViews(policy), views) << name;
  }
}

TEST(PresetsTest, EvaluationDrawsNothing) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("evaluation"));
  EXPECT_EQ(policy.size(), 224);
  EXPECT_EQ(policy.evaluation_crop().resize_px(), 224);
  EXPECT_EQ(NumViews(policy), 1);
  v1::Policy rest = policy;
  for (const char* field : {"name", "size", "evaluation_crop", "views", "mean", "std"}) {
    rest.GetReflection()->ClearField(&rest, rest.GetDescriptor()->FindFieldByName(field));
  }
  EXPECT_EQ(rest.ByteSizeLong(), 0u) << rest.ShortDebugString();
}

}  // namespace
}  // namespace cassle
