#include "cassle/augment/descriptor.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/augment/golden_images.h"
#include "cassle/augment/operations.h"
#include "cassle/augment/policy.h"
#include "cassle/augment/random_resized_crop.h"
#include "cassle/base/golden.h"
#include "cassle/base/status_matchers.h"
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
        if (operation.name == "crop") continue;
        ASSERT_OK(operation.apply(&record, &canvas));
      }
      for (const auto& [ours, theirs] : names) {
        const std::string name = absl::StrCat("desc", view, ".", theirs);
        if (!file.Has(name)) continue;
        const std::vector<double> expected = GoldenValues(file, name);
        ASSERT_OK_AND_ASSIGN(const DescriptorLayout layout,
                             DescriptorLayout::Create(policy, {ours}));
        std::vector<float> actual(layout.size());
        layout.Describe(record, absl::MakeSpan(actual));
        for (int k = 0; k < layout.size(); ++k) {
          // Single roundings; the factors are stored as floats near 1, divided by ranges >= 0.1.
          EXPECT_NEAR(actual[k], expected.at(n * layout.size() + k), 2e-6) << name << " row " << n;
        }
      }
      // The crops of these vectors are fractions, of no particular source.
      float actual[4];
      DescribeCrop(crop[4 * n], crop[4 * n + 1], crop[4 * n + 2], crop[4 * n + 3], record.flipped(),
                   actual);
      const std::vector<double> expected = GoldenValues(file, absl::StrCat("desc", view, ".crop"));
      for (int k = 0; k < 4; ++k) EXPECT_NEAR(actual[k], expected[4 * n + k], 1e-6);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenDescriptorTest,
                         ::testing::Values("mixed", "all", "none", "strong", "weak", "sol", "rot"));

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
