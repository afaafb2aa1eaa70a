#include "cassle/augment/operations/gaussian_blur.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/augment/testing/golden_images.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(GaussianBlurTest, EqualsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_blur.safetensors"));
  int compared = 0;
  // Names are kKERNEL.cCASE.y.
  for (const std::string& name : file.names()) {
    const std::vector<std::string> parts = absl::StrSplit(name, '.');
    if (parts.size() != 3 || parts[2] != "y" || parts[0][0] != 'k') continue;
    const int kernel_px = std::stoi(parts[0].substr(1));
    const std::string prefix = absl::StrCat(parts[0], ".", parts[1]);
    const std::vector<double> mask = GoldenValues(file, prefix + ".mask");
    const std::vector<double> sigma = GoldenValues(file, prefix + ".sigma");
    std::vector<float> scratch;
    for (size_t n = 0; n < mask.size(); ++n) {
      FloatImage image = GoldenImage(file, "x", n);
      if (mask[n] != 0) GaussianBlur(sigma[n], kernel_px, &scratch, &image);
      // A weighted mean of up to 529 floats, summed in another order.
      EXPECT_LT(MaxDifference(image, GoldenImage(file, name, n)), 1e-5)
          << prefix << " sigma " << sigma[n];
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

TEST(GaussianBlurTest, ConstantImageStaysConstantUpToTheBorder) {
  FloatImage image;
  image.Resize(13, 12);
  std::fill(image.values.begin(), image.values.end(), 0.7f);
  std::vector<float> scratch;
  GaussianBlur(2.0f, 23, &scratch, &image);
  for (float value : image.values) EXPECT_NEAR(value, 0.7f, 1e-6);  // the weights sum to 1
}

TEST(GaussianBlurTest, CommutesWithMirroring) {
  FloatImage image;
  image.Resize(12, 12);
  for (size_t i = 0; i < image.values.size(); ++i) image.values[i] = (i * 37 % 101) / 100.0f;
  FloatImage mirrored = image;
  const auto mirror = [](FloatImage* picture) {
    for (int row = 0; row < 3 * picture->height; ++row) {
      std::reverse(picture->values.begin() + row * picture->width,
                   picture->values.begin() + (row + 1) * picture->width);
    }
  };
  mirror(&mirrored);
  std::vector<float> scratch;
  GaussianBlur(1.3f, 9, &scratch, &image);
  GaussianBlur(1.3f, 9, &scratch, &mirrored);
  mirror(&mirrored);
  EXPECT_EQ(image.values, mirrored.values);  // left + right is the same sum
}

}  // namespace
}  // namespace cassle
