#include "cassle/data/shapes/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/shapes/shapes_outline.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

v1::ShapesOptions Options(int size_px = 32) {
  v1::ShapesOptions options;
  options.set_num_train(8000);
  options.set_num_val(0);
  options.set_num_test(2000);
  options.set_size_px(size_px);
  options.set_seed(1);
  options.set_distractors(4);
  options.set_noise(0.05);
  options.set_min_contrast(0.3);
  return options;
}

RgbImage Draw(const v1::ShapesOptions& options, int split, int64_t position,
              const ShapeFactors& factors) {
  RgbImage image;
  DrawShape(options, split, position, factors, &image);
  return image;
}

TEST(ShapesOutlineTest, EveryOutlineHasTheAreaOfTheUnitDiscAndItsCentroidAtTheOrigin) {
  constexpr int kSteps = 400;
  constexpr double kStep = 5.0 / kSteps;
  for (int shape = 0; shape < kNumShapes; ++shape) {
    double area = 0, x_moment = 0, y_moment = 0, reach = 0;
    for (int j = 0; j < kSteps; ++j) {
      for (int i = 0; i < kSteps; ++i) {
        const double x = -2.5 + (i + 0.5) * kStep, y = -2.5 + (j + 0.5) * kStep;
        if (!InsideOutline(shape, x, y)) continue;
        area += kStep * kStep;
        x_moment += x * kStep * kStep;
        y_moment += y * kStep * kStep;
        reach = std::max(reach, std::hypot(x, y));
      }
    }
    // The grid's error: a step along the outline.
    EXPECT_NEAR(area, M_PI, 0.06) << OutlineName(shape);
    EXPECT_NEAR(x_moment, 0, 0.06) << OutlineName(shape);
    EXPECT_NEAR(y_moment, 0, 0.06) << OutlineName(shape);
    EXPECT_LE(reach, OutlineReach(shape)) << OutlineName(shape);
    EXPECT_NEAR(reach, OutlineReach(shape), 0.05) << OutlineName(shape);
  }
}

TEST(ShapesOutlineTest, NoOutlineLooksTheSameAfterATurnOf45Degrees) {
  for (int shape = 0; shape < kNumShapes; ++shape) {
    for (int turn = 1; turn < 8; ++turn) {
      const double c = std::cos(turn * M_PI / 4), s = std::sin(turn * M_PI / 4);
      int differ = 0, inside = 0;
      for (int j = -50; j < 50; ++j) {
        for (int i = -50; i < 50; ++i) {
          const double x = i / 20.0, y = j / 20.0;
          inside += InsideOutline(shape, x, y);
          differ +=
              InsideOutline(shape, x, y) != InsideOutline(shape, c * x + s * y, c * y - s * x);
        }
      }
      EXPECT_GT(differ, inside / 10) << OutlineName(shape) << " turned by " << turn * 45;
    }
  }
}

TEST(ShapesTest, ShapeHueAndTextureAreBalancedInEverySplit) {
  for (int64_t count : {2560, 8000}) {
    std::map<std::array<int, 3>, int> combinations;
    std::map<int, int> shapes;
    for (int64_t i = 0; i < count; ++i) {
      const ShapeFactors factors = SampleShapeFactors(Options(), 2, i, count);
      ++combinations[{factors.shape, factors.hue, factors.texture}];
      ++shapes[factors.shape];
    }
    EXPECT_EQ(combinations.size(), 256);
    for (const auto& [combination, number] : combinations) {
      EXPECT_GE(number, count / 256);
      EXPECT_LE(number, (count + 255) / 256);
    }
    for (const auto& [shape, number] : shapes) EXPECT_EQ(number, count / 8);
  }
}

TEST(ShapesTest, SixtyFourImagesAlreadyHaveEveryClass) {
  std::set<int> shapes, hues, textures;
  for (int64_t i = 0; i < 64; ++i) {
    const ShapeFactors factors = SampleShapeFactors(Options(), 0, i, 64);
    shapes.insert(factors.shape);
    hues.insert(factors.hue);
    textures.insert(factors.texture);
  }
  EXPECT_EQ(shapes.size(), 8);
  EXPECT_EQ(hues.size(), 8);
  EXPECT_EQ(textures.size(), 4);
}

TEST(ShapesTest, TheOtherFactorsAreUniformAndIndependentOfTheShape) {
  std::array<int, kNumSizes> sizes = {};
  std::array<int, kNumPositions> positions = {};
  std::array<int, kNumRotations> rotations = {};
  std::array<double, kNumShapes> radius_by_shape = {};
  constexpr int kCount = 8000;
  for (int64_t i = 0; i < kCount; ++i) {
    const ShapeFactors factors = SampleShapeFactors(Options(), 0, i, kCount);
    ++sizes[factors.size()];
    ++positions[factors.position()];
    ++rotations[factors.rotation()];
    radius_by_shape[factors.shape] += factors.radius / (kCount / kNumShapes);
  }
  // Five standard deviations of a binomial count.
  const auto expect_uniform = [](const auto& counts) {
    const double expected = static_cast<double>(kCount) / counts.size();
    for (int count : counts) EXPECT_NEAR(count, expected, 5 * std::sqrt(expected));
  };
  expect_uniform(sizes);
  expect_uniform(positions);
  expect_uniform(rotations);
  // Uniform on 0.2 .. 0.38: deviation 0.052, of the mean of 1000 0.0016.
  for (double mean : radius_by_shape) EXPECT_NEAR(mean, 0.29, 0.0082);
}

TEST(ShapesTest, ImagesDependOnSeedSplitAndPositionOnly) {
  const ShapeFactors factors = SampleShapeFactors(Options(), 0, 5, 100);
  const RgbImage image = Draw(Options(), 0, 5, factors);
  v1::ShapesOptions more = Options();
  more.set_num_train(9);
  EXPECT_TRUE(Draw(more, 0, 5, factors) == image);
  v1::ShapesOptions other_seed = Options();
  other_seed.set_seed(2);
  EXPECT_TRUE(Draw(other_seed, 0, 5, factors) != image);
  EXPECT_TRUE(Draw(Options(), 1, 5, factors) != image);
  EXPECT_TRUE(Draw(Options(), 0, 6, factors) != image);
}

// Pixels that differ between the picture with the object and with it moved out of sight.
int ObjectPixels(const v1::ShapesOptions& options, ShapeFactors factors) {
  const RgbImage with = Draw(options, 0, 3, factors);
  factors.center_x = 10;
  const RgbImage without = Draw(options, 0, 3, factors);
  int pixels = 0;
  for (int y = 0; y < with.height; ++y) {
    for (int x = 0; x < with.width; ++x) {
      pixels += !std::equal(with.At(y, x), with.At(y, x) + 3, without.At(y, x));
    }
  }
  return pixels;
}

TEST(ShapesTest, TheObjectCoversTheAreaItsRadiusSays) {
  v1::ShapesOptions options = Options(64);
  options.set_distractors(0);
  options.set_noise(0);
  for (int shape = 0; shape < kNumShapes; ++shape) {
    for (double radius : {0.15, 0.25}) {
      ShapeFactors factors;
      factors.shape = shape;
      factors.radius = radius;
      factors.angle = 0.4;
      const double disc = M_PI * radius * radius * 64 * 64;
      // Partly covered pixels of the outline count whole: at most an outline of 12 radii.
      EXPECT_GE(ObjectPixels(options, factors), 0.97 * disc) << OutlineName(shape);
      EXPECT_LE(ObjectPixels(options, factors), disc + 12 * radius * 64) << OutlineName(shape);
    }
  }
}

TEST(ShapesTest, TheObjectIsWhereItsPositionSays) {
  v1::ShapesOptions options = Options(64);
  options.set_distractors(0);
  options.set_noise(0);
  ShapeFactors factors;
  factors.center_x = 0.3;
  factors.center_y = 0.7;
  ShapeFactors away = factors;
  away.center_x = 10;
  const RgbImage with = Draw(options, 0, 3, factors), without = Draw(options, 0, 3, away);
  double weight = 0, sum_x = 0, sum_y = 0;
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      if (std::equal(with.At(y, x), with.At(y, x) + 3, without.At(y, x))) continue;
      weight += 1;
      sum_x += (x + 0.5) / 64;
      sum_y += (y + 0.5) / 64;
    }
  }
  // Half a pixel.
  EXPECT_NEAR(sum_x / weight, 0.3, 0.008);
  EXPECT_NEAR(sum_y / weight, 0.7, 0.008);
  EXPECT_EQ(factors.position(), 6);
}

TEST(ShapesTest, TheObjectStandsOutFromItsBackground) {
  int visible = 0;
  for (int64_t i = 0; i < 200; ++i) {
    v1::ShapesOptions options = Options();
    options.set_noise(0);
    options.set_distractors(0);
    ShapeFactors factors = SampleShapeFactors(options, 0, i, 200);
    factors.texture = 0;
    ShapeFactors away = factors;
    away.center_x = 10;
    const RgbImage with = Draw(options, 0, i, factors), without = Draw(options, 0, i, away);
    const int x = static_cast<int>(factors.center_x * 32),
              y = static_cast<int>(factors.center_y * 32);
    double distance = 0;
    for (int c = 0; c < 3; ++c) {
      distance += std::pow((with.At(y, x)[c] - without.At(y, x)[c]) / 255.0, 2);
    }
    visible += std::sqrt(distance) > 0.15;
  }
  // The crescent and the L are hollow at their centroid.
  EXPECT_GE(visible, 200 * 5 / 8);
}

TEST(ShapesTest, TargetsHaveTheNamesAndClassesOfTheirDescription) {
  const std::vector<v1::TargetInfo> infos = ShapeTargets();
  const std::vector<v1::Target> values = ShapeTargetValues(SampleShapeFactors(Options(), 0, 1, 10));
  ASSERT_EQ(infos.size(), values.size());
  for (size_t i = 0; i < infos.size(); ++i) {
    EXPECT_EQ(infos[i].name(), values[i].name());
    EXPECT_TRUE(i == 0 || infos[i - 1].name() < infos[i].name());
    if (infos[i].vector_size() > 0) {
      EXPECT_EQ(values[i].vector().values_size(), infos[i].vector_size());
    } else {
      EXPECT_LT(values[i].class_index(), infos[i].classes_size());
    }
  }
}

}  // namespace
}  // namespace cassle
