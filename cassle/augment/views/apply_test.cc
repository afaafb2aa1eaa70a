#include "cassle/augment/views/apply.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/augment/operations/flip.h"
#include "cassle/augment/operations/grayscale.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/augment/operations/quarter_turn.h"
#include "cassle/augment/operations/solarize.h"
#include "cassle/augment/operations/vertical_flip.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/testing/golden_images.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

TEST(SimpleOperationsTest, EqualTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_simple.safetensors"));
  const int64_t images = GoldenShape(file, "x").at(0);
  std::vector<float> scratch;
  for (int64_t n = 0; n < images; ++n) {
    FloatImage gray = GoldenImage(file, "x", n);
    if (GoldenValues(file, "gray.mask")[n] != 0) ToGrayscale(&gray);
    // Three products summed in another order: two units in the last place.
    EXPECT_LT(MaxDifference(gray, GoldenImage(file, "gray.y", n)), 2e-7);

    FloatImage flip = GoldenImage(file, "x", n);
    if (GoldenValues(file, "flip.mask")[n] != 0) FlipHorizontally(&flip);
    EXPECT_EQ(MaxDifference(flip, GoldenImage(file, "flip.y", n)), 0.0);

    FloatImage turned = GoldenImage(file, "rot.x", n);
    if (GoldenValues(file, "rot.mask")[n] == 0) {
      EXPECT_EQ(GoldenValues(file, "rot.k")[n], 0);
    }
    TurnCounterClockwise(GoldenValues(file, "rot.k")[n], &scratch, &turned);
    EXPECT_EQ(MaxDifference(turned, GoldenImage(file, "rot.y", n)), 0.0);
  }
  int cases = 0;
  for (;; ++cases) {
    const std::string prefix = absl::StrCat("solarize.c", cases);
    if (!file.Has(prefix + ".y")) break;
    for (int64_t n = 0; n < images; ++n) {
      FloatImage image = GoldenImage(file, "x", n);
      if (GoldenValues(file, prefix + ".mask")[n] != 0) {
        // The authors' pipeline never adds anything; the vectors do, so the test does.
        const float addition = GoldenValues(file, prefix + ".addition")[n];
        for (float& value : image.values) {
          value = std::min(std::max(value + addition, 0.0f), 1.0f);
        }
        Solarize(GoldenValues(file, prefix + ".threshold")[n], &image);
      }
      EXPECT_LT(MaxDifference(image, GoldenImage(file, prefix + ".y", n)), 1e-7);  // one rounding
    }
  }
  EXPECT_GT(cases, 0);
}

TEST(SimpleOperationsTest, VerticalFlipIsAHorizontalOneBetweenQuarterTurns) {
  FloatImage image;
  image.Resize(5, 5);
  for (size_t i = 0; i < image.values.size(); ++i) image.values[i] = static_cast<float>(i);
  FloatImage expected = image;
  std::vector<float> scratch;
  TurnCounterClockwise(1, &scratch, &expected);
  FlipHorizontally(&expected);
  TurnCounterClockwise(3, &scratch, &expected);
  FlipVertically(&image);
  EXPECT_EQ(image.values, expected.values);
}

// The same threshold before the grayscale and after the blur gives different views.
TEST(SimpleOperationsTest, SolarizeHasTwoPlaces) {
  FloatImage image;
  image.Resize(4, 4);
  for (size_t i = 0; i < image.values.size(); ++i) image.values[i] = static_cast<float>(i) / 48;
  FloatImage before = image;
  Solarize(0.5f, &before);
  ToGrayscale(&before);
  FloatImage after = image;
  ToGrayscale(&after);
  Solarize(0.5f, &after);
  for (bool late : {false, true}) {
    v1::ViewRecord record;
    record.set_grayscale(true);
    (late ? record.mutable_solarize_after_blur() : record.mutable_solarize())->set_threshold(0.5f);
    Canvas canvas;
    canvas.image = image;
    for (const Operation& operation : Operations()) {
      if (operation.fill.has_value()) continue;
      ASSERT_OK(operation.apply(&record, &canvas));
    }
    EXPECT_EQ(canvas.image.values, late ? after.values : before.values);
  }
  EXPECT_NE(after.values, before.values);
}

class PipelineTest : public ::testing::TestWithParam<std::string> {};

// The whole chain, stage by stage, on the float images (the crop is tested on its own).
TEST_P(PipelineTest, EveryStageEqualsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       OpenGolden(absl::StrCat("aug_pipeline_", GetParam(), ".safetensors")));
  const int kernel_px = std::stoi(file.Metadata("kernel"));
  // Names of the stages in the vectors, in the order of our registry.
  const std::vector<std::pair<std::string, std::string>> names = {
      {"flip", "flip"},      {"color_jitter", "color"}, {"solarize", "sol"},
      {"grayscale", "gray"}, {"blur", "blur"},          {"rotation", "rot"}};
  std::string our_stages;
  const int64_t images = GoldenShape(file, "x").at(0);
  for (int64_t n = 0; n < images; ++n) {
    v1::ViewRecord record = GoldenRecord(file, "", n, kernel_px);
    Canvas canvas;
    canvas.image = GoldenImage(file, "x", n);
    our_stages.clear();
    for (const Operation& operation : Operations()) {
      for (const auto& [ours, theirs] : names) {
        if (operation.name != ours || !file.Has("after." + theirs)) continue;
        ASSERT_OK(operation.apply(&record, &canvas));
        // Jitter and blur each within 1e-5 (see their tests); a contrast can double an error.
        EXPECT_LT(MaxDifference(canvas.image, GoldenImage(file, "after." + theirs, n)), 2e-5)
            << theirs << " image " << n;
        absl::StrAppend(&our_stages, theirs, ",");
      }
    }
    const std::vector<double> std = GoldenValues(file, "norm.std");
    EXPECT_LT(MaxDifference(NetworkInput(canvas.image, GoldenValues(file, "norm.mean"), std),
                            GoldenImage(file, "after.norm", n)),
              NetworkInputTolerance(2e-5, std))
        << "image " << n;
    // Zero where there was no jitter.
    const auto& difference = record.color_jitter().color_difference();
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(record.has_color_jitter() ? difference.at(c) : 0,
                  GoldenValues(file, "color.x_means_diff").at(3 * n + c), 1e-6)
          << "image " << n;
    }
  }
  EXPECT_EQ(our_stages + "norm", file.Metadata("stages"));
}

INSTANTIATE_TEST_SUITE_P(All, PipelineTest,
                         ::testing::Values("imagenet100", "stl10", "stl10_rot", "stl10_sol"),
                         [](const auto& info) { return std::string(info.param); });

TEST(PresetsTest, NormalisationIsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_simple.safetensors"));
  for (const std::string name : {"imagenet", "stl10"}) {
    ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy(name));
    const std::vector<double> mean = GoldenValues(file, "normalize." + name + ".mean");
    const std::vector<double> std = GoldenValues(file, "normalize." + name + ".std");
    for (int c = 0; c < 3; ++c) {
      EXPECT_FLOAT_EQ(policy.mean(c), mean[c]);
      EXPECT_FLOAT_EQ(policy.std(c), std[c]);
    }
    for (int64_t n = 0; n < GoldenShape(file, "x").at(0); ++n) {
      EXPECT_LT(MaxDifference(NetworkInput(GoldenImage(file, "x", n), mean, std),
                              GoldenImage(file, "normalize." + name + ".y", n)),
                NetworkInputTolerance(0, std))
          << name << " image " << n;
    }
  }
}

RgbImage Gradient(int height, int width) {
  RgbImage image;
  image.Resize(height, width);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = i * 7 % 256;
  return image;
}

v1::ViewRecord WholeImageRecord(int height, int width, int size) {
  v1::ViewRecord record;
  record.set_image_id(17);
  record.set_epoch(3);
  record.set_view(1);
  record.set_source_height(height);
  record.set_source_width(width);
  record.set_size(size);
  record.mutable_crop()->set_height(height);
  record.mutable_crop()->set_width(width);
  return record;
}

TEST(ApplyViewTest, NothingAppliedIsTheSource) {
  const RgbImage source = Gradient(16, 16);
  v1::ViewRecord record = WholeImageRecord(16, 16, 16);
  RgbImage view;
  ASSERT_OK(ApplyView(source, &record, &view));
  EXPECT_EQ(view, source);
}

TEST(ApplyViewTest, SourceOfOnePixelBecomesAConstantView) {
  RgbImage source;
  source.Resize(1, 1);
  source.pixels = {10, 200, 30};
  v1::ViewRecord record = WholeImageRecord(1, 1, 8);
  record.mutable_blur()->set_sigma_px(1.0f);
  record.mutable_blur()->set_kernel_px(3);
  RgbImage view;
  ASSERT_OK(ApplyView(source, &record, &view));
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(view.pixels[3 * i], 10);
    EXPECT_EQ(view.pixels[3 * i + 1], 200);
    EXPECT_EQ(view.pixels[3 * i + 2], 30);
  }
}

TEST(ApplyViewTest, RecordsThatDoNotFitAreRefusedByName) {
  const RgbImage source = Gradient(16, 20);
  RgbImage view;
  const auto status_of = [&](void (*damage)(v1::ViewRecord*)) {
    v1::ViewRecord record = WholeImageRecord(16, 20, 8);
    damage(&record);
    return ApplyView(source, &record, &view);
  };
  EXPECT_THAT(status_of([](v1::ViewRecord* record) { record->set_source_height(17); }),
              StatusIs(absl::StatusCode::kDataLoss,
                       ::testing::AllOf(HasSubstr("view 1 of image 17, epoch 3"),
                                        HasSubstr("20x17"), HasSubstr("20x16"))));
  EXPECT_THAT(status_of([](v1::ViewRecord* record) { record->mutable_crop()->set_left(1); }),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not lie inside")));
  EXPECT_THAT(
      status_of([](v1::ViewRecord* record) { record->mutable_crop()->set_top(0xffffffff); }),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not lie inside")));
  EXPECT_THAT(status_of([](v1::ViewRecord* record) { record->set_size(0); }),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("size 0")));
  EXPECT_THAT(status_of([](v1::ViewRecord* record) { record->mutable_blur()->set_kernel_px(17); }),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("17 taps")));
  EXPECT_THAT(status_of([](v1::ViewRecord* record) { record->mutable_color_jitter()->set_hue(3); }),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("hue 3")));
  EXPECT_THAT(status_of([](v1::ViewRecord* record) { record->set_quarter_turns(4); }),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("4 quarter turns")));
  EXPECT_THAT(
      status_of([](v1::ViewRecord* record) { record->mutable_solarize()->set_threshold(NAN); }),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("threshold nan")));
}

}  // namespace
}  // namespace cassle
