#include "cassle/augment/operations/color_jitter.h"

#include <cmath>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/augment/testing/golden_images.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

struct ColorOperationCase {
  std::string name;
  std::function<void(float, FloatImage*)> apply;
  double tolerance;
};

std::vector<ColorOperationCase> Cases() {
  // Brightness and contrast are one or two float operations per value (and a mean, summed in
  // another order); saturation and hue divide by the chroma, which may be small.
  return {{"brightness", AdjustBrightness, 2e-6},
          {"contrast", AdjustContrast, 2e-6},
          {"saturation", AdjustSaturation, 1e-5},
          {"hue", AdjustHue, 1e-5}};
}

TEST(ColorJitterTest, EachOperationEqualsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_color_ops.safetensors"));
  for (const ColorOperationCase& operation : Cases()) {
    for (const std::string set : {"palette", "photo"}) {
      const std::string prefix = absl::StrCat(set, ".", operation.name);
      const std::vector<double> factors = GoldenValues(file, prefix + ".factor");
      ASSERT_FALSE(factors.empty());
      for (size_t m = 0; m < factors.size(); ++m) {
        FloatImage image = GoldenImage(file, set + ".x", 0);
        operation.apply(factors[m], &image);
        EXPECT_LT(MaxDifference(image, GoldenImage(file, prefix + ".y", m)), operation.tolerance)
            << prefix << " factor " << factors[m];
      }
    }
    int cases = 0;
    for (;; ++cases) {
      const std::string prefix = absl::StrCat("rand.", operation.name, ".c", cases);
      if (!file.Has(prefix + ".y")) break;
      const std::vector<double> factors = GoldenValues(file, prefix + ".factor");
      for (size_t n = 0; n < factors.size(); ++n) {
        FloatImage image = GoldenImage(file, "rand.x", n);
        operation.apply(factors[n], &image);
        EXPECT_LT(MaxDifference(image, GoldenImage(file, prefix + ".y", n)), operation.tolerance)
            << prefix << " factor " << factors[n];
      }
    }
    EXPECT_GT(cases, 0);
  }
}

v1::ColorJitterParameters Parameters(const SafetensorsFile& file, const std::string& prefix,
                                     const std::vector<double>& order, int64_t n) {
  v1::ColorJitterParameters parameters;
  for (double operation : order) {
    parameters.add_order(static_cast<v1::ColorOperation>(static_cast<int>(operation)));
  }
  parameters.set_brightness(GoldenValues(file, prefix + ".brightness")[n]);
  parameters.set_contrast(GoldenValues(file, prefix + ".contrast")[n]);
  parameters.set_saturation(GoldenValues(file, prefix + ".saturation")[n]);
  parameters.set_hue(GoldenValues(file, prefix + ".hue")[n]);
  return parameters;
}

// Four operations after each other, each within 1e-5; a mean of values within 1e-5 is too.
constexpr double kJitterTolerance = 1e-5;

void ExpectDifference(const v1::ColorJitterParameters& parameters, const SafetensorsFile& file,
                      const std::string& name, int64_t n) {
  const std::vector<double> expected = GoldenValues(file, name);
  ASSERT_EQ(parameters.color_difference_size(), 3);
  for (int c = 0; c < 3; ++c) {
    // The authors' float means err by about 1e-7.
    EXPECT_NEAR(parameters.color_difference(c), expected.at(3 * n + c), 1e-6) << name << " " << n;
  }
}

TEST(ColorJitterTest, ChainAndColorDifferenceEqualTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_color_jitter.safetensors"));
  int cases = 0;
  for (;; ++cases) {
    const std::string prefix = absl::StrCat("c", cases);
    if (!file.Has(prefix + ".y")) break;
    const std::vector<double> mask = GoldenValues(file, prefix + ".mask");
    const std::vector<double> order = GoldenValues(file, prefix + ".order");
    for (size_t n = 0; n < mask.size(); ++n) {
      FloatImage image = GoldenImage(file, "rand.x", n);
      if (mask[n] != 0) {
        v1::ColorJitterParameters parameters = Parameters(file, prefix, order, n);
        ApplyColorJitter(&parameters, &image);
        ExpectDifference(parameters, file, prefix + ".x_means_diff", n);
      } else {
        for (int c = 0; c < 3; ++c) {
          EXPECT_EQ(GoldenValues(file, prefix + ".x_means_diff").at(3 * n + c), 0);
        }
      }
      EXPECT_LT(MaxDifference(image, GoldenImage(file, prefix + ".y", n)), kJitterTolerance)
          << prefix << " image " << n;
    }
  }
  EXPECT_GT(cases, 0);
}

TEST(ColorJitterTest, EveryOrderEqualsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_color_jitter.safetensors"));
  const std::vector<double> orders = GoldenValues(file, "perm.order");
  const int64_t images = GoldenShape(file, "perm.x").at(0);
  EXPECT_EQ(orders.size(), 4 * 24);
  for (size_t p = 0; 4 * p < orders.size(); ++p) {
    const std::vector<double> order(orders.begin() + 4 * p, orders.begin() + 4 * p + 4);
    for (int64_t n = 0; n < images; ++n) {
      FloatImage image = GoldenImage(file, "perm.x", n);
      v1::ColorJitterParameters parameters = Parameters(file, "perm", order, n);
      ApplyColorJitter(&parameters, &image);
      EXPECT_LT(MaxDifference(image, GoldenImage(file, "perm.y", p * images + n)),
                kJitterTolerance);
      ExpectDifference(parameters, file, "perm.x_means_diff", p * images + n);
    }
  }
}

TEST(ColorJitterTest, ThreeThirdsOfTheCircleComeBack) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_color_ops.safetensors"));
  const FloatImage original = GoldenImage(file, "palette.x", 0);
  FloatImage image = original;
  for (int i = 0; i < 3; ++i) AdjustHue(1.0f / 3, &image);
  EXPECT_LT(MaxDifference(image, original), 3e-6);  // three times the float error of a hue
}

TEST(ColorJitterTest, GrayStaysGrayWhateverHueAndSaturation) {
  FloatImage image;
  image.Resize(1, 3);
  image.values = {0.0f, 0.5f, 1.0f, 0.0f, 0.5f, 1.0f, 0.0f, 0.5f, 1.0f};
  const FloatImage original = image;
  AdjustHue(0.37f, &image);
  AdjustSaturation(1.4f, &image);
  EXPECT_EQ(image.values, original.values);
}

TEST(ColorJitterTest, SaturationZeroLeavesTheValueOfHsv) {
  FloatImage image;
  image.Resize(1, 1);
  image.values = {0.2f, 0.8f, 0.4f};
  AdjustSaturation(0.0f, &image);
  EXPECT_EQ(image.values, (std::vector<float>{0.8f, 0.8f, 0.8f}));
}

}  // namespace
}  // namespace cassle
