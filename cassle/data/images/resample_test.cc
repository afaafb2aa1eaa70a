#include "cassle/data/images/resample.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/base/philox.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "hwy/highway.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

RgbImage FromTensor(const TensorView& tensor, int64_t index = -1) {
  const size_t first = tensor.shape.size() - 3;
  RgbImage image;
  image.Resize(static_cast<int>(tensor.shape[first]), static_cast<int>(tensor.shape[first + 1]));
  const int64_t offset = index < 0 ? 0 : index * static_cast<int64_t>(image.pixels.size());
  std::copy_n(tensor.bytes.data() + offset, image.pixels.size(),
              reinterpret_cast<char*>(image.pixels.data()));
  return image;
}

RgbImage RandomImage(int height, int width) {
  Philox random(StreamKey{.seed = 7, .index = static_cast<uint64_t>(height * 1000 + width)});
  RgbImage image;
  image.Resize(height, width);
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random.Below(256));
  return image;
}

TEST(ResampleTest, EqualsPillowOnTheOfficialRandomResizedCrops) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("aug_rrc.safetensors"));
  ASSERT_OK_AND_ASSIGN(const TensorView image, golden.Get("image", DType::kU8, 3));
  ASSERT_OK_AND_ASSIGN(const TensorView boxes, golden.Get("box", DType::kI64, 2));
  const RgbImage source = FromTensor(image);
  int compared = 0;
  for (const std::string& name : golden.names()) {
    if (name.rfind("size", 0) != 0) continue;
    ASSERT_OK_AND_ASSIGN(const TensorView views, golden.Get(name, DType::kU8, 4));
    for (int64_t i = 0; i < views.shape[0]; ++i) {
      // A tensor with a single view belongs to box 1 (README of the golden files).
      const int64_t box_index = views.shape[0] == 1 ? 1 : i;
      const int64_t* box = &boxes.values<int64_t>()[4 * box_index];
      const RgbImage expected = FromTensor(views, i);
      RgbImage view;
      ASSERT_OK(Resample(source,
                         {static_cast<int>(box[0]), static_cast<int>(box[1]),
                          static_cast<int>(box[2]), static_cast<int>(box[3])},
                         expected.height, expected.width, Interpolation::kBilinear, &view));
      EXPECT_TRUE(view == expected) << name << " view " << i;
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

// torchvision's Resize(short side) and CenterCrop on top of the resampler.
RgbImage ResizeAndCenterCrop(const RgbImage& source, int resize_px, int crop_px,
                             Interpolation interpolation) {
  const bool tall = source.height >= source.width;
  const int shorter = std::min(source.height, source.width);
  const int longer = std::max(source.height, source.width);
  const int new_longer = static_cast<int>(static_cast<int64_t>(resize_px) * longer / shorter);
  RgbImage resized;
  EXPECT_OK(Resample(source, WholeImage(source), tall ? new_longer : resize_px,
                     tall ? resize_px : new_longer, interpolation, &resized));
  // nearbyint rounds half to even, as Python's round.
  const int top = static_cast<int>(std::nearbyint((resized.height - crop_px) / 2.0));
  const int left = static_cast<int>(std::nearbyint((resized.width - crop_px) / 2.0));
  RgbImage cropped;
  EXPECT_OK(
      Resample(resized, {top, left, crop_px, crop_px}, crop_px, crop_px, interpolation, &cropped));
  return cropped;
}

TEST(ResampleTest, EqualsPillowOnTheOfficialEvaluationTransforms) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("aug_eval_transform.safetensors"));
  struct Case {
    const char* name;
    int resize_px, crop_px;
    Interpolation interpolation;
  };
  const Case cases[] = {{"bicubic96", 96, 96, Interpolation::kBicubic},
                        {"bilinear96", 96, 96, Interpolation::kBilinear},
                        {"bicubic224", 224, 224, Interpolation::kBicubic},
                        {"bilinear224", 224, 224, Interpolation::kBilinear},
                        {"bicubic256_224", 256, 224, Interpolation::kBicubic}};
  int compared = 0;
  for (int i = 0; golden.Has(absl::StrCat("c", i, ".image")); ++i) {
    ASSERT_OK_AND_ASSIGN(const TensorView image, golden.Get(absl::StrCat("c", i, ".image")));
    for (const Case& c : cases) {
      const std::string name = absl::StrCat("c", i, ".", c.name, ".y");
      if (!golden.Has(name)) continue;
      ASSERT_OK_AND_ASSIGN(const TensorView expected, golden.Get(name, DType::kU8, 3));
      EXPECT_TRUE(ResizeAndCenterCrop(FromTensor(image), c.resize_px, c.crop_px, c.interpolation) ==
                  FromTensor(expected))
          << name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

TEST(ResampleTest, SameSizeCopiesTheBox) {
  const RgbImage source = RandomImage(9, 7);
  RgbImage view;
  ASSERT_OK(Resample(source, {2, 3, 5, 4}, 5, 4, Interpolation::kBicubic, &view));
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 4; ++x) {
      for (int c = 0; c < 3; ++c) EXPECT_EQ(view.At(y, x)[c], source.At(y + 2, x + 3)[c]);
    }
  }
}

TEST(ResampleTest, HalvingAConstantImageKeepsItsColour) {
  RgbImage source;
  source.Resize(30, 50);
  for (size_t i = 0; i < source.pixels.size(); ++i) source.pixels[i] = i % 3 * 100 + 37;
  for (Interpolation interpolation : {Interpolation::kBilinear, Interpolation::kBicubic}) {
    for (int size : {1, 7, 15, 64}) {
      RgbImage view;
      ASSERT_OK(Resample(source, WholeImage(source), size, size, interpolation, &view));
      for (size_t i = 0; i < view.pixels.size(); ++i) ASSERT_EQ(view.pixels[i], i % 3 * 100 + 37);
    }
  }
}

TEST(ResampleTest, BoxBehavesAsAnImageOfItsOwn) {
  const RgbImage source = RandomImage(40, 30);
  RgbImage cut, through_cut, direct;
  ASSERT_OK(Resample(source, {5, 6, 20, 17}, 20, 17, Interpolation::kBilinear, &cut));
  ASSERT_OK(Resample(cut, WholeImage(cut), 9, 31, Interpolation::kBicubic, &through_cut));
  ASSERT_OK(Resample(source, {5, 6, 20, 17}, 9, 31, Interpolation::kBicubic, &direct));
  EXPECT_TRUE(direct == through_cut);
}

TEST(ResampleTest, OnePixelGrowsToAConstantImage) {
  const RgbImage source = RandomImage(1, 1);
  RgbImage view;
  ASSERT_OK(Resample(source, WholeImage(source), 5, 6, Interpolation::kBicubic, &view));
  for (size_t i = 0; i < view.pixels.size(); ++i) EXPECT_EQ(view.pixels[i], source.pixels[i % 3]);
}

TEST(ResampleTest, RefusesABoxOutsideTheImageAndAnEmptySize) {
  const RgbImage source = RandomImage(8, 8);
  RgbImage view;
  const auto refused = absl::StatusCode::kInvalidArgument;
  for (const Box& box : {Box{0, 0, 0, 4}, Box{-1, 0, 4, 4}, Box{5, 0, 4, 4}, Box{0, 5, 4, 4}}) {
    EXPECT_THAT(Resample(source, box, 4, 4, Interpolation::kBilinear, &view),
                StatusIs(refused, HasSubstr("is not inside an image of height 8 and width 8")));
  }
  EXPECT_THAT(Resample(source, WholeImage(source), 0, 4, Interpolation::kBilinear, &view),
              StatusIs(refused, HasSubstr("output size 0x4")));
}

TEST(ResampleTest, EveryVectorUnitOfThisProcessorGivesTheSameBytes) {
  // Boxes at every edge, wide, narrow and tiny; sizes that fill no vector.
  const RgbImage source = RandomImage(61, 83);
  const Box boxes[] = {{0, 0, 61, 83}, {60, 82, 1, 1},   {59, 0, 2, 83}, {0, 80, 61, 3},
                       {3, 5, 17, 70}, {20, 40, 41, 43}, {1, 2, 9, 4}};
  for (const Box& box : boxes) {
    for (int size : {1, 7, 16, 33, 96}) {
      for (Interpolation interpolation : {Interpolation::kBilinear, Interpolation::kBicubic}) {
        RgbImage expected;
        ASSERT_OK(Resample(source, box, size, size, interpolation, &expected));
        const int64_t supported = hwy::SupportedTargets();
        for (int64_t left = supported; left != 0; left &= left - 1) {
          hwy::SetSupportedTargetsForTest(left & -left);
          RgbImage found;
          ASSERT_OK(Resample(source, box, size, size, interpolation, &found));
          EXPECT_TRUE(found == expected) << hwy::TargetName(left & -left) << " size " << size;
        }
        hwy::SetSupportedTargetsForTest(0);
      }
    }
  }
}

TEST(ResampleTest, FractionalBoxes) {
  const RgbImage source = RandomImage(40, 50);
  ResampleScratch scratch;
  RgbImage whole, fractional;
  ASSERT_OK(Resample(source, Box{4, 6, 20, 31}, 16, 16, Interpolation::kBilinear, &whole));
  ASSERT_OK(Resample(source, FractionalBox{4, 6, 20, 31}, 16, 16, Interpolation::kBilinear,
                     &scratch, &fractional));
  EXPECT_TRUE(whole == fractional) << "whole numbers are an ordinary box";
  // Half a pixel to the right on a horizontal ramp adds half a step.
  RgbImage ramp;
  ramp.Resize(8, 32);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 32; ++x) std::fill_n(ramp.At(y, x), 3, static_cast<uint8_t>(8 * x));
  }
  ASSERT_OK(Resample(ramp, FractionalBox{0, 4.5, 8, 16}, 8, 8, Interpolation::kBilinear, &scratch,
                     &fractional));
  // Output i averages the pixels around 4.5 + 2 i + 1, whose centres carry 8 (x - 0.5).
  for (int i = 1; i < 7; ++i) EXPECT_NEAR(fractional.At(4, i)[0], 8 * (4.5 + 2 * i + 1 - 0.5), 1);
  EXPECT_THAT(Resample(source, FractionalBox{0, 0, 40.5, 10}, 8, 8, Interpolation::kBilinear,
                       &scratch, &fractional),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not inside")));
}

TEST(ResampleTest, AWindowIsWhatACropOfTheResizedImageIs) {
  RgbImage source;
  source.Resize(23, 31);
  for (size_t i = 0; i < source.pixels.size(); ++i) source.pixels[i] = static_cast<uint8_t>(i * 37);
  // Larger, smaller, one axis copied, both copied.
  for (const auto& [height, width] : {std::pair{70, 55}, {9, 12}, {23, 40}, {11, 31}, {23, 31}}) {
    RgbImage whole;
    ASSERT_OK(Resample(source, WholeImage(source), height, width, Interpolation::kBicubic, &whole));
    ResampleScratch scratch;
    for (const Box window : {Box{0, 0, height, width}, Box{height - 1, width - 1, 1, 1},
                             Box{2, 3, 5, 7}, Box{4, 0, 3, width}}) {
      RgbImage part;
      ASSERT_OK(
          ResampleWindow(source, height, width, window, Interpolation::kBicubic, &scratch, &part));
      ASSERT_EQ(part.height, window.height);
      for (int y = 0; y < window.height; ++y) {
        EXPECT_TRUE(std::equal(part.At(y, 0), part.At(y, 0) + 3 * window.width,
                               whole.At(window.top + y, window.left)))
            << height << "x" << width << " row " << y;
      }
    }
    RgbImage part;
    EXPECT_THAT(ResampleWindow(source, height, width, {0, 1, height, width},
                               Interpolation::kBicubic, &scratch, &part),
                StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("not inside")));
  }
}

}  // namespace
}  // namespace cassle
