// The noise itself, and the two operations made of it.
#include "cassle/augment/pixels/pixel_noise.h"

#include <cmath>
#include <numeric>
#include <vector>

#include "cassle/augment/operations/color_drop.h"
#include "cassle/augment/operations/gaussian_noise.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(NormalQuantileTest, IsTheInverseOfTheDistributionFunction) {
  for (double z = -6.0; z <= 6.0; z += 0.01) {
    // From the nearer tail, so that no digits are lost.
    const double tail = 0.5 * std::erfc(std::fabs(z) / std::sqrt(2.0));
    const double expected = std::fabs(z);
    // Wichura promises seven figures.
    EXPECT_NEAR(-NormalQuantile(tail), expected, 3e-7 * std::max(1.0, expected)) << z;
  }
  EXPECT_EQ(NormalQuantile(0.5), 0.0);
  EXPECT_TRUE(std::isfinite(NormalQuantile(0.5 * 0x1.0p-32)));
}

TEST(AddNoiseTest, IsStandardNormalAndAFunctionOfKeyChannelAndPlace) {
  constexpr int64_t kCount = 200000;
  std::vector<float> noise(kCount, 0.0f);
  AddNoise(42, 1, 1.0f, kCount, noise.data());
  double mean = 0, square = 0, fourth = 0, neighbours = 0;
  int within = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const double n = noise[i];
    mean += n / kCount;
    square += n * n / kCount;
    fourth += n * n * n * n / kCount;
    if (i > 0) neighbours += n * noise[i - 1] / kCount;
    within += std::fabs(n) < 1.0;
  }
  // Five standard deviations of each estimate.
  EXPECT_NEAR(mean, 0.0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(square, 1.0, 5 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(fourth, 3.0, 5 * std::sqrt(96.0 / kCount));
  EXPECT_NEAR(neighbours, 0.0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(within / static_cast<double>(kCount), 0.6826895, 5 * 0.465 / std::sqrt(kCount));

  std::vector<float> shorter(1001, 0.0f);
  AddNoise(42, 1, 1.0f, 1001, shorter.data());
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), noise.begin()));
  std::vector<float> other(1001, 0.0f);
  AddNoise(43, 1, 1.0f, 1001, other.data());
  EXPECT_NE(other, shorter);
  other.assign(1001, 0.0f);
  AddNoise(42, 2, 1.0f, 1001, other.data());
  EXPECT_NE(other, shorter);
}

// The bits themselves, so that a change of the formula or of its rounding shows: views recorded
// with it would no longer be reproduced.
TEST(AddNoiseTest, BitsStayWhatTheyWere) {
  std::vector<float> noise(4, 0.0f);
  AddNoise(1, 0, 1.0f, 4, noise.data());
  EXPECT_EQ(noise,
            (std::vector<float>{-0x1.d1f876p+0f, 0x1.5e6056p-1f, -0x1.ac2bep-1f, -0x1.c1bfd4p-1f}));
}

FloatImage Ramp(int size) {
  FloatImage image;
  image.Resize(size, size);
  for (size_t i = 0; i < image.values.size(); ++i) {
    image.values[i] = static_cast<float>(i % size) / static_cast<float>(size);
  }
  return image;
}

TEST(GaussianNoiseTest, SpreadIsSigmaAndValuesStayInRange) {
  FloatImage image;
  image.Resize(100, 100);
  std::fill(image.values.begin(), image.values.end(), 0.5f);
  AddGaussianNoise(0.05f, 9, &image);
  double square = 0;
  for (float value : image.values) square += (value - 0.5) * (value - 0.5) / image.values.size();
  EXPECT_NEAR(std::sqrt(square), 0.05, 0.001);
  AddGaussianNoise(1.0f, 9, &image);
  for (float value : image.values) {
    EXPECT_GE(value, 0.0f);
    EXPECT_LE(value, 1.0f);
  }
}

TEST(ColorDropTest, OneChannelStaysAndTheOthersBecomeFaintNoise) {
  for (int kept : {0, 1, 2}) {
    FloatImage image = Ramp(100);
    const FloatImage before = image;
    DropColors(kept, {0.3f, 0.4f, 0.5f}, 11, &image);
    const int64_t count = image.plane_size();
    for (int c = 0; c < 3; ++c) {
      const float* plane = image.plane(c);
      if (c == kept) {
        EXPECT_TRUE(std::equal(plane, plane + count, before.plane(c)));
        continue;
      }
      const double mean = std::accumulate(plane, plane + count, 0.0) / count;
      double square = 0;
      for (int64_t i = 0; i < count; ++i) square += (plane[i] - mean) * (plane[i] - mean) / count;
      EXPECT_NEAR(mean, 0.3 + 0.1 * c, 2e-4);
      // A ramp of 100 steps of 0.01 has a standard deviation of 0.01 sqrt(9999 / 12).
      EXPECT_NEAR(std::sqrt(square), 1e-4 * std::sqrt(9999.0 / 12), 1e-4);
    }
  }
}

}  // namespace
}  // namespace cassle
