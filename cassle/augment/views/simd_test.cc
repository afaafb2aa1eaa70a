// The pixel kernels give the same bits on every vector unit, and leave nothing out at odd sizes.
#include <algorithm>
#include <string>
#include <vector>

#include "cassle/augment/pixels/color_steps.h"
#include "cassle/augment/pixels/float_image.h"
#include "cassle/augment/pixels/symmetric_filter.h"
#include "cassle/base/philox.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace cassle {
namespace {

using Kind = ColorStep::Kind;

RgbImage Noise(int height, int width) {
  RgbImage image;
  image.Resize(height, width);
  Philox random(StreamKey{20261122, RandomDomain::kTest, static_cast<uint64_t>(width)});
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random.Below(256));
  return image;
}

struct Results {
  std::vector<float> values;
  std::vector<double> means;
  RgbImage bytes;
};

Results RunEverything(int height, int width) {
  Results results;
  FloatImage image;
  FromRgb8(Noise(height, width), &image);
  FlipHorizontally(&image);
  const ColorStep steps[] = {{Kind::kHue, 0.07f},
                             {Kind::kBlend, 1.3f, -0.1f},
                             {Kind::kSaturation, 1.4f},
                             {Kind::kSolarize, 0.9f}};
  ChannelMeans before, after;
  RunColorSteps(steps, &image, &before, &after);
  std::vector<float> scratch;
  const std::vector<float> taps = {0.3f, 0.2f, 0.1f, 0.05f};
  if (std::min(height, width) > 3) FilterSymmetrically(taps, &scratch, &image);
  results.values = image.values;
  ToRgb8(image, &results.bytes);
  std::vector<float> normalised(image.values.size());
  Normalize(results.bytes, {0.4, 0.5, 0.6}, {0.2, 0.25, 0.3}, normalised.data());
  results.values.insert(results.values.end(), normalised.begin(), normalised.end());
  RunColorSteps({{Kind::kGrayscale}}, &image);
  results.values.insert(results.values.end(), image.values.begin(), image.values.end());
  for (const ChannelMeans& means : {before, after}) {
    results.means.insert(results.means.end(), means.begin(), means.end());
  }
  return results;
}

const std::pair<int, int> kSizes[] = {{1, 1}, {1, 17}, {5, 7}, {16, 16}, {33, 31}, {61, 130}};

TEST(SimdTest, EveryVectorUnitOfThisProcessorGivesTheSameBits) {
  for (const auto& [height, width] : kSizes) {
    const Results expected = RunEverything(height, width);
    const int64_t supported = hwy::SupportedTargets();
    for (int64_t left = supported; left != 0; left &= left - 1) {
      const int64_t target = left & -left;
      hwy::SetSupportedTargetsForTest(target);
      const Results found = RunEverything(height, width);
      EXPECT_EQ(found.values, expected.values) << hwy::TargetName(target) << " " << width;
      EXPECT_EQ(found.means, expected.means) << hwy::TargetName(target) << " " << width;
      EXPECT_EQ(found.bytes, expected.bytes) << hwy::TargetName(target) << " " << width;
    }
    hwy::SetSupportedTargetsForTest(0);
  }
}

TEST(SimdTest, BytesComeBackAndFlipsUndoThemselves) {
  for (const auto& [height, width] : kSizes) {
    const RgbImage original = Noise(height, width);
    FloatImage image;
    RgbImage result;
    FromRgb8(original, &image);
    FlipHorizontally(&image);
    ToRgb8(image, &result);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        for (int c = 0; c < 3; ++c) {
          ASSERT_EQ(result.At(y, x)[c], original.At(y, width - 1 - x)[c]);
        }
      }
    }
    FlipHorizontally(&image);
    ToRgb8(image, &result);
    EXPECT_EQ(result, original);
  }
}

TEST(SimdTest, MeansAreThoseOfThePlanes) {
  FloatImage image;
  FromRgb8(Noise(41, 37), &image);
  ChannelMeans before, after;
  RunColorSteps({{Kind::kBlend, 0.5f, 0.25f}}, &image, &before, &after);
  for (int c = 0; c < 3; ++c) {
    double sum = 0;
    for (int64_t i = 0; i < image.plane_size(); ++i) sum += image.plane(c)[i];
    EXPECT_NEAR(after[c], sum / image.plane_size(), 1e-7);
    EXPECT_NEAR(after[c], 0.5 * before[c] + 0.25, 1e-7);
  }
}

TEST(SimdTest, NormalisationEqualsTheDefinition) {
  const RgbImage image = Noise(5, 19);
  const std::array<double, 3> mean = {0.485, 0.456, 0.406}, std = {0.229, 0.224, 0.225};
  std::vector<float> planes(image.pixels.size());
  Normalize(image, mean, std, planes.data());
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < 5 * 19; ++i) {
      EXPECT_NEAR(planes[c * 5 * 19 + i], (image.pixels[3 * i + c] / 255.0 - mean[c]) / std[c],
                  1e-6);
    }
  }
}

TEST(SimdTest, FilteringEqualsTheDefinition) {
  FloatImage image;
  FromRgb8(Noise(9, 21), &image);
  const FloatImage original = image;
  const std::vector<float> taps = {0.25f, 0.25f, 0.125f};
  std::vector<float> scratch;
  FilterSymmetrically(taps, &scratch, &image);
  const auto reflect = [](int i, int size) {
    return i < 0 ? -i : (i >= size ? 2 * (size - 1) - i : i);
  };
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 9; ++y) {
      for (int x = 0; x < 21; ++x) {
        double sum = 0;
        for (int v = -2; v <= 2; ++v) {
          for (int u = -2; u <= 2; ++u) {
            sum += double{taps[std::abs(v)]} * taps[std::abs(u)] *
                   original.plane(c)[reflect(y + v, 9) * 21 + reflect(x + u, 21)];
          }
        }
        EXPECT_NEAR(image.plane(c)[y * 21 + x], sum, 1e-6);
      }
    }
  }
}

}  // namespace
}  // namespace cassle
