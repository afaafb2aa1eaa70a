#include "cassle/augment/operations/angle_rotation.h"

#include <cmath>

#include "cassle/augment/operations/quarter_turn.h"
#include "cassle/base/philox.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

FloatImage Noise(int size) {
  FloatImage image;
  image.Resize(size, size);
  Philox random(StreamKey{3, RandomDomain::kTest, 0, 0, 0});
  for (float& value : image.values) value = static_cast<float>(random.NextDouble());
  return image;
}

TEST(AngleRotationTest, QuarterTurnsAreExact) {
  std::vector<float> scratch;
  for (int size : {1, 2, 7, 16}) {
    for (int turns : {-3, -2, -1, 0, 1, 2, 3, 4}) {
      FloatImage rotated = Noise(size);
      RotateCounterClockwise(90.0f * turns, &scratch, &rotated);
      FloatImage turned = Noise(size);
      TurnCounterClockwise(turns & 3, &scratch, &turned);
      EXPECT_EQ(rotated.values, turned.values) << size << " px, " << turns << " turns";
    }
  }
}

// Bilinear interpolation of a plane is exact; the border is reflected, so only the inner circle.
TEST(AngleRotationTest, PlanesRotateAsPlanes) {
  constexpr int kSize = 33;
  constexpr double kCentre = 16;
  std::vector<float> scratch;
  for (float degrees : {-170.0f, -45.0f, -7.5f, 12.25f, 30.0f, 88.0f, 135.0f}) {
    FloatImage image;
    image.Resize(kSize, kSize);
    const auto plane = [](double dx, double dy) { return 0.5 + 0.01 * dx - 0.006 * dy; };
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < kSize; ++y) {
        for (int x = 0; x < kSize; ++x) {
          image.plane(c)[y * kSize + x] = static_cast<float>(plane(x - kCentre, y - kCentre));
        }
      }
    }
    RotateCounterClockwise(degrees, &scratch, &image);
    const double sine = std::sin(degrees * M_PI / 180);
    const double cosine = std::cos(degrees * M_PI / 180);
    for (int y = 0; y < kSize; ++y) {
      for (int x = 0; x < kSize; ++x) {
        const double dx = x - kCentre;
        const double dy = y - kCentre;
        if (dx * dx + dy * dy > 15.5 * 15.5) continue;
        // With y downwards, counter-clockwise fetches from (cos dx - sin dy, sin dx + cos dy).
        const double expected = plane(cosine * dx - sine * dy, sine * dx + cosine * dy);
        for (int c = 0; c < 3; ++c) {
          EXPECT_NEAR(image.plane(c)[y * kSize + x], expected, 1e-6) << degrees;
        }
      }
    }
  }
}

TEST(AngleRotationTest, CornersShowTheReflectedImageNotAnEmptyOne) {
  FloatImage image;
  image.Resize(20, 20);
  std::fill(image.values.begin(), image.values.end(), 0.75f);
  std::vector<float> scratch;
  RotateCounterClockwise(45.0f, &scratch, &image);
  for (float value : image.values) EXPECT_EQ(value, 0.75f);
}

}  // namespace
}  // namespace cassle
