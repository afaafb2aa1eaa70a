#include "cassle/augment/views/descriptor.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/augment/operations/random_resized_crop.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/testing/golden_images.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

v1::Policy FullPolicy(const std::vector<double>& ranges, int kernel_px) {
  v1::Policy policy;
  policy.set_name("test");
  policy.set_size(32);
  policy.mutable_crop();
  policy.mutable_flip();
  policy.mutable_color_jitter()->set_brightness(ranges[0]);
  policy.mutable_color_jitter()->set_contrast(ranges[1]);
  policy.mutable_color_jitter()->set_saturation(ranges[2]);
  policy.mutable_color_jitter()->set_hue(ranges[3]);
  policy.mutable_solarize();
  policy.mutable_grayscale();
  policy.mutable_blur()->set_kernel_px(kernel_px);
  policy.mutable_rotation();
  return policy;
}

// Whether only some files have this group, those with its operation.
bool IsExtra(absl::string_view theirs) { return theirs == "rot" || theirs == "sol"; }

class GoldenDescriptorTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenDescriptorTest, EveryGroupEqualsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       OpenGolden(absl::StrCat("desc_", GetParam(), ".safetensors")));
  const int kernel_px = std::stoi(file.Metadata("blur_kernel"));
  const v1::Policy policy = FullPolicy(GoldenList(file, "color_ranges"), kernel_px);
  // Our names of the groups and the authors'.
  const std::vector<std::pair<std::string, std::string>> names = {
      {"blur", "blur"},   {"color", "color"},         {"color_diff", "color_diff"},
      {"flip", "flip"},   {"grayscale", "grayscale"}, {"rotation", "rot"},
      {"solarize", "sol"}};
  for (const std::string view : {"1", "2"}) {
    const std::string prefix = absl::StrCat("v", view, ".");
    const int64_t images = GoldenShape(file, prefix + "x").at(0);
    const std::vector<double> crop = GoldenValues(file, prefix + "crop");
    for (int64_t n = 0; n < images; ++n) {
      v1::ViewRecord record = GoldenRecord(file, prefix, n, kernel_px);
      Canvas canvas;
      canvas.image = GoldenImage(file, prefix + "x", n);
      for (const Operation& operation : Operations()) {
        if (operation.fill.has_value()) continue;
        ASSERT_OK(operation.apply(&record, &canvas));
      }
      const std::vector<double> std = GoldenList(file, "norm_std");
      // The image itself as in apply_test.
      EXPECT_LT(MaxDifference(NetworkInput(canvas.image, GoldenList(file, "norm_mean"), std),
                              GoldenImage(file, prefix + "y", n)),
                NetworkInputTolerance(2e-5, std))
          << prefix << "y row " << n;
      for (const auto& [ours, theirs] : names) {
        const std::string name = absl::StrCat("desc", view, ".", theirs);
        if (IsExtra(theirs) && !file.Has(absl::StrCat(prefix, theirs, ".mask"))) continue;
        const std::vector<double> expected = GoldenValues(file, name);
        ASSERT_OK_AND_ASSIGN(const DescriptorLayout layout,
                             DescriptorLayout::Create(policy, {ours}));
        std::vector<float> actual(layout.size());
        layout.Describe(record, absl::MakeSpan(actual));
        for (int k = 0; k < layout.size(); ++k) {
          // Single roundings; the factors are stored as floats near 1, divided by ranges >= 0.1.
          EXPECT_NEAR(actual[k], expected.at(n * layout.size() + k), 1e-6) << name << " row " << n;
        }
      }
      // The crops of these vectors are fractions, of no particular source.
      float actual[4];
      DescribeCrop({crop[4 * n], crop[4 * n + 1], crop[4 * n + 2], crop[4 * n + 3]},
                   {record.flipped()}, actual);
      const std::vector<double> expected = GoldenValues(file, absl::StrCat("desc", view, ".crop"));
      for (int k = 0; k < 4; ++k) EXPECT_NEAR(actual[k], expected[4 * n + k], 1e-6);
    }
  }
}

// diff12 is view 1 relative to view 2, diff21 the other way.
TEST_P(GoldenDescriptorTest, EveryRelativeGroupEqualsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       OpenGolden(absl::StrCat("desc_", GetParam(), ".safetensors")));
  const int kernel_px = std::stoi(file.Metadata("blur_kernel"));
  const v1::Policy policy = FullPolicy(GoldenList(file, "color_ranges"), kernel_px);
  const std::vector<std::pair<std::string, std::string>> names = {
      {"blur", "blur"}, {"color", "color"},  {"color_diff", "color_diff"},
      {"flip", "flip"}, {"rotation", "rot"}, {"solarize", "sol"}};
  const int64_t images = GoldenShape(file, "v1.x").at(0);
  int compared = 0;
  for (int64_t n = 0; n < images; ++n) {
    v1::ViewRecord records[2];
    CropFractions boxes[2];
    CropMirror mirrors[2];
    for (int v = 0; v < 2; ++v) {
      const std::string prefix = absl::StrCat("v", v + 1, ".");
      records[v] = GoldenRecord(file, prefix, n, kernel_px);
      Canvas canvas;
      canvas.image = GoldenImage(file, prefix + "x", n);
      for (const Operation& operation : Operations()) {
        if (operation.fill.has_value()) continue;
        ASSERT_OK(operation.apply(&records[v], &canvas));
      }
      const std::vector<double> crop = GoldenValues(file, prefix + "crop");
      boxes[v] = {crop[4 * n], crop[4 * n + 1], crop[4 * n + 2], crop[4 * n + 3]};
      mirrors[v] = {records[v].flipped()};
    }
    for (int first : {0, 1}) {
      const int second = 1 - first;
      const std::string diff = first == 0 ? "diff12." : "diff21.";
      for (const auto& [ours, theirs] : names) {
        if (IsExtra(theirs) && !file.Has(absl::StrCat("v1.", theirs, ".mask"))) continue;
        const std::vector<double> expected = GoldenValues(file, diff + theirs);
        ASSERT_OK_AND_ASSIGN(const DescriptorLayout layout,
                             DescriptorLayout::Create(policy, {ours}));
        std::vector<float> actual(layout.size());
        layout.DescribeRelative(records[first], records[second], absl::MakeSpan(actual));
        for (int k = 0; k < layout.size(); ++k, ++compared) {
          EXPECT_NEAR(actual[k], expected.at(n * layout.size() + k), 1e-6)
              << diff << theirs << " row " << n;
        }
      }
      // The official mirroring, and without it the difference of the absolute descriptors.
      const std::vector<double> official = GoldenValues(file, diff + "crop");
      const std::vector<double> d1 = GoldenValues(file, absl::StrCat("desc", first + 1, ".crop"));
      const std::vector<double> d2 = GoldenValues(file, absl::StrCat("desc", second + 1, ".crop"));
      float actual[4];
      DescribeRelativeCrop(boxes[first], mirrors[first], boxes[second], mirrors[second],
                           v1::OFFICIAL, actual);
      for (int k = 0; k < 4; ++k) EXPECT_NEAR(actual[k], official[4 * n + k], 1e-6);
      DescribeRelativeCrop(boxes[first], mirrors[first], boxes[second], mirrors[second],
                           v1::CORRECT, actual);
      for (int k = 0; k < 4; ++k) EXPECT_NEAR(actual[k], d1[4 * n + k] - d2[4 * n + k], 1e-6);
    }
  }
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenDescriptorTest,
                         ::testing::Values("mixed", "all", "none", "strong", "weak", "sol", "rot"),
                         [](const auto& info) { return std::string(info.param); });

// The views of the authors' training steps: what the network and its projector get to see of
// images, boxes and parameters.
class GoldenTrainingViewsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenTrainingViewsTest, ImagesAndDescriptorsEqualTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       OpenGolden(absl::StrCat("train_", GetParam(), ".safetensors")));
  const int kernel_px = std::stoi(file.Metadata("blur_kernel"));
  const std::vector<double> mean = GoldenList(file, "norm_mean"),
                            std = GoldenList(file, "norm_std");
  // Their ranges by default.
  const v1::Policy policy = FullPolicy({0.4, 0.4, 0.4, 0.1}, kernel_px);
  // Alphabetical, in the file as here.
  const std::vector<std::string> groups = absl::StrSplit(file.Metadata("sorted_aug_cond"), ',');
  ASSERT_OK_AND_ASSIGN(const DescriptorLayout layout, DescriptorLayout::Create(policy, groups));
  EXPECT_EQ(layout.groups(), groups);
  int steps = 0;
  for (; file.Has(absl::StrCat("step", steps + 1, ".x1")); ++steps) {
    const std::string step = absl::StrCat("step", steps + 1, ".");
    const int64_t images = GoldenShape(file, step + "x1").at(0);
    for (int64_t n = 0; n < images; ++n) {
      SCOPED_TRACE(absl::StrCat(step, " image ", n));
      v1::ViewRecord records[2];
      CropFractions boxes[2];
      CropMirror mirrors[2];
      for (int v = 0; v < 2; ++v) {
        const std::string view = absl::StrCat(v + 1);
        records[v] = GoldenRecord(file, absl::StrCat(step, "aug", view, "."), n, kernel_px);
        Canvas canvas;
        canvas.image = GoldenImage(file, absl::StrCat(step, "x", view), n);
        for (const Operation& operation : Operations()) {
          if (operation.fill.has_value()) continue;
          ASSERT_OK(operation.apply(&records[v], &canvas));
        }
        EXPECT_LT(MaxDifference(NetworkInput(canvas.image, mean, std),
                                GoldenImage(file, absl::StrCat(step, "x", view, "_aug"), n)),
                  NetworkInputTolerance(2e-5, std));
        // The boxes are float32 fractions: those of so large a source are exact to 2^-25.
        constexpr int kSource = 1 << 24;
        const std::vector<double> crop = GoldenValues(file, absl::StrCat(step, "w", view));
        const auto pixels = [&](int k) { return std::lround(crop.at(4 * n + k) * kSource); };
        records[v].set_source_height(kSource);
        records[v].set_source_width(kSource);
        records[v].mutable_crop()->set_top(pixels(0));
        records[v].mutable_crop()->set_left(pixels(1));
        records[v].mutable_crop()->set_height(pixels(2));
        records[v].mutable_crop()->set_width(pixels(3));
        boxes[v] = {crop[4 * n], crop[4 * n + 1], crop[4 * n + 2], crop[4 * n + 3]};
        mirrors[v] = {records[v].flipped()};
        const std::vector<double> expected =
            GoldenValues(file, absl::StrCat(step, "d", view, "_cat"));
        ASSERT_EQ(static_cast<int64_t>(expected.size()), images * layout.size());
        std::vector<float> actual(layout.size());
        layout.Describe(records[v], absl::MakeSpan(actual));
        for (int k = 0; k < layout.size(); ++k) {
          EXPECT_NEAR(actual[k], expected[n * layout.size() + k], 1e-6) << "number " << k;
        }
      }
      for (int first : {0, 1}) {
        const std::string diff = absl::StrCat(step, "diff", first + 1, ".");
        for (const std::string group : {"blur", "color", "color_diff", "flip"}) {
          if (!file.Has(diff + group)) continue;
          ASSERT_OK_AND_ASSIGN(const DescriptorLayout one,
                               DescriptorLayout::Create(policy, {group}));
          std::vector<float> actual(one.size());
          one.DescribeRelative(records[first], records[1 - first], absl::MakeSpan(actual));
          for (int k = 0; k < one.size(); ++k) {
            EXPECT_NEAR(actual[k], GoldenValues(file, diff + group).at(n * one.size() + k), 1e-6)
                << diff << group;
          }
        }
        if (!file.Has(diff + "crop")) continue;
        float actual[4];
        DescribeRelativeCrop(boxes[first], mirrors[first], boxes[1 - first], mirrors[1 - first],
                             v1::OFFICIAL, actual);
        for (int k = 0; k < 4; ++k) {
          EXPECT_NEAR(actual[k], GoldenValues(file, diff + "crop").at(4 * n + k), 1e-6);
        }
      }
    }
  }
  EXPECT_GT(steps, 0);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTrainingViewsTest, ::testing::ValuesIn(GoldenNames("train_")),
                         [](const auto& info) { return info.param; });

TEST(GoldenTrainingViewsFilesTest, AreThere) { EXPECT_FALSE(GoldenNames("train_").empty()); }

TEST(DescriptorLayoutTest, GroupsStandInAlphabeticalOrderWhateverTheOrderAsked) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("imagenet"));
  ASSERT_OK_AND_ASSIGN(const DescriptorLayout layout,
                       DescriptorLayout::Create(
                           policy, {"crop", "color", "flip", "blur", "grayscale", "color_diff"}));
  EXPECT_THAT(layout.groups(),
              ElementsAre("blur", "color", "color_diff", "crop", "flip", "grayscale"));
  EXPECT_EQ(layout.size(), 14);
  v1::ViewRecord record;
  record.set_source_height(100);
  record.set_source_width(200);
  record.mutable_crop()->set_top(10);
  record.mutable_crop()->set_left(20);
  record.mutable_crop()->set_height(50);
  record.mutable_crop()->set_width(40);
  record.set_flipped(true);
  record.mutable_blur()->set_sigma_px(1.5f);
  std::vector<float> values(layout.size());
  layout.Describe(record, absl::MakeSpan(values));
  EXPECT_THAT(values, ElementsAre(1.5f, 0, 0, 0, 0, 0, 0, 0, 0.35f, 0.8f, 0.5f, 0.2f, 1, 0));
}

TEST(DescriptorLayoutTest, TheAuthorsScriptsHaveFourteenNumbersAndTheirReadmeThirteen) {
  for (const char* preset : {"imagenet", "stl10"}) {
    ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy(preset));
    ASSERT_OK_AND_ASSIGN(const DescriptorLayout all,
                         DescriptorLayout::Create(policy, DescriptorGroupsOf(policy)));
    EXPECT_EQ(all.size(), 14) << preset;
    ASSERT_OK_AND_ASSIGN(
        const DescriptorLayout readme,
        DescriptorLayout::Create(policy, {"crop", "color", "color_diff", "blur", "grayscale"}));
    EXPECT_EQ(readme.size(), 13) << preset;
  }
}

TEST(DescriptorLayoutTest, NoGroupsGiveAnEmptyDescriptor) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("cifar"));
  ASSERT_OK_AND_ASSIGN(const DescriptorLayout layout, DescriptorLayout::Create(policy, {}));
  EXPECT_EQ(layout.size(), 0);
  layout.Describe(v1::ViewRecord(), {});
}

TEST(DescriptorLayoutTest, UnknownGroupsAreNamedWithTheNearest) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("cifar"));
  EXPECT_THAT(
      DescriptorLayout::Create(policy, {"crop", "colour"}),
      StatusIs(kInvalid, AllOf(HasSubstr("\"colour\""), HasSubstr("did you mean \"color\""))));
  EXPECT_THAT(DescriptorLayout::Create(policy, {"blur"}),
              StatusIs(kInvalid, AllOf(HasSubstr("cifar has no operation"), HasSubstr("\"blur\""),
                                       HasSubstr("color, color_diff, crop, flip, grayscale"))));
  EXPECT_THAT(DescriptorLayout::Create(policy, {"flip", "flip"}),
              StatusIs(kInvalid, HasSubstr("twice")));
}

TEST(DescriptorLayoutTest, AppliedBitsTellZeroFromNotApplied) {
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("cifar"));
  policy.mutable_angle_rotation();
  policy.mutable_vertical_flip();
  ASSERT_OK_AND_ASSIGN(
      const DescriptorLayout layout,
      DescriptorLayout::Create(policy, {"flip", "angle_rotation", "applied.angle_rotation",
                                        "applied.color_jitter", "applied.crop"}));
  EXPECT_THAT(layout.groups(), ElementsAre("angle_rotation", "applied.angle_rotation",
                                           "applied.color_jitter", "applied.crop", "flip"));
  EXPECT_THAT(layout.group_sizes(), ElementsAre(1, 1, 1, 1, 1));
  v1::ViewRecord record;
  record.set_source_height(10);
  record.set_source_width(10);
  record.mutable_crop()->set_height(10);
  record.mutable_crop()->set_width(10);
  std::vector<float> values(layout.size());
  layout.Describe(record, absl::MakeSpan(values));
  EXPECT_THAT(values, ElementsAre(0, 0, 0, 0, 0));
  record.mutable_angle_rotation();
  record.mutable_crop()->set_width(9);
  layout.Describe(record, absl::MakeSpan(values));
  EXPECT_THAT(values, ElementsAre(0, 1, 0, 1, 0));
  v1::ViewRecord other = record;
  other.clear_angle_rotation();
  other.set_flipped(true);
  layout.DescribeRelative(record, other, absl::MakeSpan(values));
  EXPECT_THAT(values, ElementsAre(0, 0, 1, 1, 0)) << "bits and flips: 1 where the views agree";

  EXPECT_THAT(DescriptorGroupsOf(policy),
              ElementsAre("angle_rotation", "color", "color_diff", "crop", "flip", "grayscale",
                          "vertical_flip"));
  EXPECT_THAT(DescriptorLayout::Create(policy, {"applied.blur"}),
              StatusIs(kInvalid, AllOf(HasSubstr("cifar has no operation"),
                                       HasSubstr("applied.angle_rotation, applied.color_jitter"))));
}

TEST(DescriptorLayoutTest, VerticalFlipMirrorsTheCropsHeight) {
  float values[4];
  DescribeCrop({0.1, 0.2, 0.3, 0.4}, {.horizontal = false, .vertical = true}, values);
  EXPECT_THAT(values, ElementsAre(0.75f, 0.4f, 0.3f, 0.4f));
}

TEST(DescriptorLayoutTest, EachViewIsDescribedWithItsOwnPolicy) {
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("cifar"));
  policy.add_views()->set_count(1);
  policy.add_views()->set_count(1);
  v1::Policy* change = policy.mutable_views(1)->mutable_change();
  change->mutable_color_jitter()->set_brightness(0.8);
  change->mutable_solarize_after_blur()->set_threshold_max(1);
  ASSERT_OK(CheckPolicy(policy));
  EXPECT_THAT(DescriptorGroupsOf(policy),
              ElementsAre("color", "color_diff", "crop", "flip", "grayscale", "solarize"));
  ASSERT_OK_AND_ASSIGN(const DescriptorLayout layout,
                       DescriptorLayout::Create(policy, {"color", "solarize"}));
  EXPECT_THAT(layout.group_sizes(), ElementsAre(4, 1));
  v1::ViewRecord record;
  record.mutable_color_jitter()->set_brightness(1.4f);
  record.mutable_color_jitter()->set_contrast(1.0f);
  record.mutable_color_jitter()->set_saturation(1.0f);
  std::vector<float> values(layout.size());
  layout.Describe(record, absl::MakeSpan(values));
  EXPECT_NEAR(values[0], 0.5, 1e-6);
  EXPECT_EQ(values[4], 1);
  record.set_view(1);
  record.mutable_solarize_after_blur()->set_threshold(0.25f);
  layout.Describe(record, absl::MakeSpan(values));
  EXPECT_NEAR(values[0], 0.25, 1e-6);
  EXPECT_EQ(values[4], 0.25f);
}

TEST(DescriptorLayoutTest, EmptyColourRangeIsDescribedAsZero) {
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("cifar"));
  policy.mutable_color_jitter()->set_hue(0);
  ASSERT_OK_AND_ASSIGN(const DescriptorLayout layout, DescriptorLayout::Create(policy, {"color"}));
  v1::ViewRecord record;
  record.mutable_color_jitter()->set_brightness(1.4f);
  record.mutable_color_jitter()->set_contrast(0.6f);
  record.mutable_color_jitter()->set_saturation(1.0f);
  std::vector<float> values(4);
  layout.Describe(record, absl::MakeSpan(values));
  EXPECT_NEAR(values[0], 0.5, 1e-6);
  EXPECT_NEAR(values[1], -0.5, 1e-6);
  EXPECT_EQ(values[2], 0);
  EXPECT_EQ(values[3], 0);
}

}  // namespace
}  // namespace cassle
