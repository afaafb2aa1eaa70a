#include "cassle/augment/pixels/evaluation_transform.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/augment/testing/golden_images.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(EvaluationTransformTest, EqualsTorchvisionOnPilByteForByte) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_eval_transform.safetensors"));
  struct Case {
    const char* name;
    int resize_px;
    int crop_px;
    Interpolation interpolation;
  };
  const Case cases[] = {{"bicubic96", 96, 96, Interpolation::kBicubic},
                        {"bilinear96", 96, 96, Interpolation::kBilinear},
                        {"bicubic224", 224, 224, Interpolation::kBicubic},
                        {"bilinear224", 224, 224, Interpolation::kBilinear},
                        {"bicubic256_224", 256, 224, Interpolation::kBicubic}};
  int compared = 0, ten_compared = 0, normalized_compared = 0;
  for (int i = 0; file.Has(absl::StrCat("c", i, ".image")); ++i) {
    const RgbImage source = GoldenRgb(file, absl::StrCat("c", i, ".image"), 0);
    for (const Case& test : cases) {
      const std::string name = absl::StrCat("c", i, ".", test.name, ".y");
      // The first image has all.
      if (i > 0 && !file.Has(name)) continue;
      RgbImage result;
      ASSERT_OK(ResizeShortSideAndCenterCrop(source, test.resize_px, test.crop_px,
                                             test.interpolation, &result));
      EXPECT_EQ(result, GoldenRgb(file, name, 0)) << name;
      ++compared;
      // With STL-10's mean and deviation, which the README of the golden files names.
      const std::string normalized = absl::StrCat("c", i, ".", test.name, ".norm");
      if (!file.Has(normalized)) continue;
      FloatImage input;
      input.Resize(result.height, result.width);
      Normalize(result, {0.43, 0.42, 0.39}, {0.27, 0.26, 0.27}, input.values.data());
      // Single roundings of numbers below 4.
      EXPECT_LT(MaxDifference(input, GoldenImage(file, normalized, 0)), 1e-6) << normalized;
      ++normalized_compared;
    }
    const std::string ten_crop = absl::StrCat("c", i, ".tencrop.y");
    if (file.Has(ten_crop)) {
      // What the README of the golden files says; the others have it in their name.
      constexpr int kResizePx = 72;
      const int crop_px = GoldenShape(file, ten_crop).at(1);
      std::array<RgbImage, 10> crops;
      ASSERT_OK(
          ResizeShortSideAndTenCrop(source, kResizePx, crop_px, Interpolation::kBicubic, &crops));
      for (int crop = 0; crop < 10; ++crop) {
        EXPECT_EQ(crops[crop], GoldenRgb(file, ten_crop, crop)) << ten_crop << " " << crop;
        ++ten_compared;
      }
    }
  }
  EXPECT_GT(compared, 0);
  EXPECT_GT(ten_compared, 0);
  EXPECT_GT(normalized_compared, 0);
}

TEST(EvaluationTransformTest, OnePixelIsEnlargedAndImpossibleSizesAreRefused) {
  RgbImage source;
  source.Resize(1, 1);
  source.pixels = {9, 8, 7};
  RgbImage result;
  ASSERT_OK(ResizeShortSideAndCenterCrop(source, 5, 3, Interpolation::kBicubic, &result));
  EXPECT_EQ(result.height, 3);
  EXPECT_EQ(result.pixels[0], 9);
  EXPECT_THAT(ResizeShortSideAndCenterCrop(source, 3, 5, Interpolation::kBicubic, &result),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("at most")));
  EXPECT_THAT(ResizeShortSideAndCenterCrop(RgbImage(), 3, 3, Interpolation::kBicubic, &result),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("empty")));
}

TEST(EvaluationTransformTest, APictureOfAPixelByThirtyThousandTakesNoMoreRoomThanItsCrop) {
  // Resized as a whole it would take 4.5 GB. Gray rises along it, so that its middle is known.
  for (const bool tall : {false, true}) {
    RgbImage source;
    source.Resize(tall ? 30000 : 1, tall ? 1 : 30000);
    for (int i = 0; i < 30000; ++i) {
      for (int c = 0; c < 3; ++c) source.pixels[3 * i + c] = static_cast<uint8_t>(i * 256 / 30000);
    }
    RgbImage result;
    ASSERT_OK(ResizeShortSideAndCenterCrop(source, 224, 224, Interpolation::kBicubic, &result));
    EXPECT_NEAR(result.At(112, 112)[0], 128, 1);
    std::array<RgbImage, 10> crops;
    ASSERT_OK(ResizeShortSideAndTenCrop(source, 224, 224, Interpolation::kBicubic, &crops));
    EXPECT_EQ(crops[0].At(0, 0)[0], 0);
    EXPECT_EQ(crops[3].At(223, 223)[0], 255);
    EXPECT_EQ(crops[4], result);
  }
}

TEST(EvaluationTransformTest, APictureThatIsTooLongIsRefused) {
  RgbImage source;
  source.Resize(1, 20000000);
  RgbImage result;
  EXPECT_THAT(ResizeShortSideAndCenterCrop(source, 224, 224, Interpolation::kBicubic, &result),
              StatusIs(absl::StatusCode::kDataLoss, testing::HasSubstr("too long and thin")));
}

}  // namespace
}  // namespace cassle
