#include "cassle/augment/operations/random_resized_crop.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/augment/testing/golden_images.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

v1::Policy CropPolicy(double scale_min, double scale_max) {
  v1::Policy policy;
  policy.mutable_crop()->set_scale_min(scale_min);
  policy.mutable_crop()->set_scale_max(scale_max);
  policy.mutable_crop()->set_ratio_min(3.0 / 4);
  policy.mutable_crop()->set_ratio_max(4.0 / 3);
  return policy;
}

v1::ViewRecord Draw(const v1::Policy& policy, int height, int width, uint64_t image_id) {
  v1::ViewRecord record;
  record.set_source_height(height);
  record.set_source_width(width);
  Philox random(StreamKey{2026, RandomDomain::kCrop, image_id, 0, 0});
  RandomResizedCropOperation().sample(policy, random, &record);
  return record;
}

TEST(RandomResizedCropTest, PixelsAndDescriptorEqualTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_rrc.safetensors"));
  Canvas canvas;
  const RgbImage source = GoldenRgb(file, "image", 0);
  canvas.source = SourcePixels(source);
  const std::vector<double> boxes = GoldenValues(file, "box");
  const std::vector<double> descriptor = GoldenValues(file, "desc");
  int compared = 0;
  for (const std::string& name : file.names()) {
    if (name.rfind("size", 0) != 0) continue;
    const std::vector<int64_t> shape = GoldenShape(file, name);
    for (int64_t n = 0; n < shape[0]; ++n) {
      // A file with a single image of a size has it for box 1.
      const int64_t box = shape[0] == 1 ? 1 : n;
      v1::ViewRecord record;
      record.set_source_height(source.height);
      record.set_source_width(source.width);
      record.set_size(shape[1]);
      record.mutable_crop()->set_top(boxes[4 * box]);
      record.mutable_crop()->set_left(boxes[4 * box + 1]);
      record.mutable_crop()->set_height(boxes[4 * box + 2]);
      record.mutable_crop()->set_width(boxes[4 * box + 3]);
      ASSERT_OK(RandomResizedCropOperation().apply(&record, &canvas));
      EXPECT_EQ(canvas.resized, GoldenRgb(file, name, n)) << name << " " << n;
      float described[4];
      RandomResizedCropOperation().groups[0].describe({}, record, described);
      // desc holds the corner, the descriptor the centre. Both are single roundings.
      const double* fraction = &descriptor[4 * box];
      EXPECT_NEAR(described[0], fraction[0] + fraction[2] / 2, 1e-6);
      EXPECT_NEAR(described[1], fraction[1] + fraction[3] / 2, 1e-6);
      EXPECT_NEAR(described[2], fraction[2], 1e-6);
      EXPECT_NEAR(described[3], fraction[3], 1e-6);
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

// Mean, standard deviation, extremes and quantiles of 100,000 draws against torchvision's.
TEST(RandomResizedCropTest, BoxesAreDistributedAsTorchvisions) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_rrc_stats.safetensors"));
  const std::vector<double> config = GoldenValues(file, "config");
  const std::vector<double> stats = GoldenValues(file, "stats");
  constexpr int kDraws = 100000;
  for (size_t g = 0; 4 * g < config.size(); ++g) {
    const int height = config[4 * g];
    const int width = config[4 * g + 1];
    const v1::Policy policy = CropPolicy(config[4 * g + 2], config[4 * g + 3]);
    std::vector<std::vector<double>> columns(6);
    for (int draw = 0; draw < kDraws; ++draw) {
      const v1::CropParameters box = Draw(policy, height, width, draw).crop();
      const double values[6] = {
          1.0 * box.top(),
          1.0 * box.left(),
          1.0 * box.height(),
          1.0 * box.width(),
          static_cast<double>(box.height()) * box.width() / (static_cast<double>(height) * width),
          std::log(static_cast<double>(box.width()) / box.height())};
      for (int column = 0; column < 6; ++column) columns[column].push_back(values[column]);
    }
    for (int column = 0; column < 6; ++column) {
      std::vector<double>& draws = columns[column];
      std::sort(draws.begin(), draws.end());
      const auto expected = [&](int row) { return stats[(g * 9 + row) * 6 + column]; };
      double sum = 0, squares = 0;
      for (double value : draws) sum += value;
      const double mean = sum / kDraws;
      for (double value : draws) squares += (value - mean) * (value - mean);
      const double deviation = std::sqrt(squares / kDraws);
      const std::string where = absl::StrCat("config ", g, " column ", column);
      // Both sides are samples of 100,000: the mean's standard error is deviation / sqrt(100,000)
      // = 0.0032 deviation each, 0.0045 together; five of those. A quantile q has
      // sqrt(q (1-q)) / density, at most about twice that near .05; whole pixels add one step.
      const double step = column < 4 ? 1.0 : (column == 4 ? 1.0 / (height * 1.0) : 1.0 / 16);
      EXPECT_NEAR(mean, expected(0), 0.0225 * deviation + 1e-9) << where;
      EXPECT_NEAR(deviation, expected(1), 0.0225 * deviation + 1e-9) << where;
      const double quantiles[5] = {0.05, 0.25, 0.5, 0.75, 0.95};
      for (int q = 0; q < 5; ++q) {
        EXPECT_NEAR(draws[quantiles[q] * (kDraws - 1)], expected(4 + q), 0.045 * deviation + step)
            << where << " quantile " << quantiles[q];
      }
      // Extremes of a bounded range: within a few per cent of the spread.
      EXPECT_NEAR(draws.front(), expected(2), 0.1 * deviation + step) << where;
      EXPECT_NEAR(draws.back(), expected(3), 0.1 * deviation + step) << where;
    }
  }
}

TEST(RandomResizedCropTest, ExtremeSourcesFallBackToTheCentralBoxOfTheNearestRatio) {
  const v1::Policy policy = CropPolicy(0.9, 1.0);
  const v1::CropParameters wide = Draw(policy, 30, 3000, 1).crop();
  EXPECT_EQ(wide.height(), 30);
  EXPECT_EQ(wide.width(), 40);
  EXPECT_EQ(wide.left(), 1480);
  const v1::CropParameters tall = Draw(policy, 3000, 30, 1).crop();
  EXPECT_EQ(tall.height(), 40);
  EXPECT_EQ(tall.width(), 30);
  EXPECT_EQ(tall.top(), 1480);
}

TEST(RandomResizedCropTest, BoxesLieInsideEvenTheSmallestSources) {
  const v1::Policy policy = CropPolicy(0.08, 1.0);
  for (int height : {1, 2, 3, 50}) {
    for (int width : {1, 2, 3, 50}) {
      for (int draw = 0; draw < 50; ++draw) {
        const v1::CropParameters box = Draw(policy, height, width, draw).crop();
        EXPECT_GE(box.height(), 1u);
        EXPECT_GE(box.width(), 1u);
        EXPECT_LE(box.top() + box.height(), height);
        EXPECT_LE(box.left() + box.width(), width);
      }
    }
  }
}

}  // namespace
}  // namespace cassle
