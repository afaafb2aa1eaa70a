// Decoding a part of an image: EXACT gives the bytes of the whole image, FAST does not depend on
// the box.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// libjpeg needs <cstdio> before it.
#include <jpeglib.h>

#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/sources/archives/archive.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

struct JpegLayout {
  const char* name;
  int horizontal;
  int vertical;
  bool progressive = false;
  bool gray = false;
};
constexpr JpegLayout kLayouts[] = {{"444", 1, 1},
                                   {"422", 2, 1},
                                   {"440", 1, 2},
                                   {"420", 2, 2},
                                   {"411", 4, 1},
                                   {"progressive420", 2, 2, true},
                                   {"gray", 1, 1, false, true}};

RgbImage Noise(int height, int width) {
  RgbImage image;
  image.Resize(height, width);
  Philox random(StreamKey{.seed = 11, .index = static_cast<uint64_t>(height * 1000 + width)});
  // Blotches, so that neighbouring blocks and their chroma differ.
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.At(y, x)[c] =
            static_cast<uint8_t>((y / 5 * 37 + x / 3 * 91 * (c + 1)) % 200 + random.Below(50));
      }
    }
  }
  return image;
}

std::string Jpeg(const RgbImage& image, const JpegLayout& layout) {
  jpeg_compress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type.
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = image.width;
  jpeg.image_height = image.height;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  if (layout.gray) jpeg_set_colorspace(&jpeg, JCS_GRAYSCALE);
  jpeg_set_quality(&jpeg, 85, TRUE);
  jpeg.comp_info[0].h_samp_factor = layout.horizontal;
  jpeg.comp_info[0].v_samp_factor = layout.vertical;
  if (layout.progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.At(static_cast<int>(jpeg.next_scanline), 0));
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string bytes(reinterpret_cast<char*>(buffer), size);
  std::free(buffer);
  return bytes;
}

std::vector<Box> Boxes(int height, int width, int count) {
  std::vector<Box> boxes = {{0, 0, height, width},
                            {0, 0, 1, 1},
                            {height - 1, width - 1, 1, 1},
                            {height / 2, width / 2, height - height / 2, width - width / 2}};
  Philox random(StreamKey{.seed = 5, .index = static_cast<uint64_t>(height * 1000 + width)});
  for (int i = 0; i < count; ++i) {
    Box box;
    box.height = 1 + static_cast<int>(random.Below(height));
    box.width = 1 + static_cast<int>(random.Below(width));
    box.top = static_cast<int>(random.Below(height - box.height + 1));
    box.left = static_cast<int>(random.Below(width - box.width + 1));
    boxes.push_back(box);
  }
  return boxes;
}

// The wanted box of the region equals the same pixels of `whole`, both at 1 / denominator.
void ExpectPartOf(const ImageRegion& whole, const ImageRegion& region, const Box& box,
                  const std::string& what) {
  ASSERT_EQ(region.denominator, whole.denominator) << what;
  const int d = region.denominator;
  const int bottom = (box.top + box.height - 1) / d;
  const int right = (box.left + box.width - 1) / d;
  ASSERT_LE(region.top, box.top / d) << what;
  ASSERT_LE(region.left, box.left / d) << what;
  ASSERT_GT(region.top + region.pixels.height, bottom) << what;
  ASSERT_GT(region.left + region.pixels.width, right) << what;
  for (int y = box.top / d; y <= bottom; ++y) {
    const uint8_t* expected = whole.pixels.At(y, box.left / d);
    const uint8_t* found = region.pixels.At(y - region.top, box.left / d - region.left);
    const int bytes = 3 * (right - box.left / d + 1);
    ASSERT_TRUE(std::equal(expected, expected + bytes, found))
        << what << ": row " << y << " of box " << box.width << "x" << box.height << " at "
        << box.left << "," << box.top;
  }
}

void ExpectRegionsEqualTheWhole(const std::string& jpeg, int boxes, const std::string& name) {
  ASSERT_OK_AND_ASSIGN(const ImageHeader header, ReadImageHeader(jpeg));
  const int height = header.height;
  const int width = header.width;
  for (int denominator : {0, 1, 2, 4, 8}) {
    ImageRegion whole;
    ASSERT_OK(
        DecodeRegion(jpeg, v1::JPEG, height, width, {{0, 0, height, width}, denominator}, &whole));
    if (denominator == 0) {
      RgbImage decoded;
      ASSERT_OK(DecodeImage(jpeg, &decoded));
      ASSERT_TRUE(whole.pixels == decoded) << name;
    }
    for (const Box& box : Boxes(height, width, boxes)) {
      ImageRegion region;
      ASSERT_OK(DecodeRegion(jpeg, v1::JPEG, height, width, {box, denominator}, &region));
      ASSERT_NO_FATAL_FAILURE(
          ExpectPartOf(whole, region, box, name + " at 1/" + std::to_string(denominator)));
    }
  }
}

TEST(RegionTest, EqualsTheSamePartOfTheWholeForEveryChromaLayout) {
  for (const JpegLayout& layout : kLayouts) {
    for (const auto& [height, width] :
         {std::pair{97, 131}, {64, 64}, {17, 200}, {200, 19}, {3, 5}, {1, 1}}) {
      ASSERT_NO_FATAL_FAILURE(ExpectRegionsEqualTheWhole(
          Jpeg(Noise(height, width), layout), 25,
          std::string(layout.name) + " " + std::to_string(width) + "x" + std::to_string(height)));
    }
  }
}

TEST(RegionTest, EqualsTheSamePartOfTheWholeForPhotographs) {
  const std::string folder = RealDataDir();
  if (folder.empty()) GTEST_SKIP() << "no CASSLE_DATA_DIR";
  const std::string path = JoinPath(folder, "imagenet-sample/photos.tar");
  ASSERT_OK_AND_ASSIGN(const auto tar, ArchiveReader::Open(path, path));
  int photos = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const bool more, tar->Next());
    if (!more) break;
    ASSERT_OK_AND_ASSIGN(const std::string bytes, tar->Read());
    if (SniffImageFormat(bytes) != v1::JPEG) continue;
    ASSERT_NO_FATAL_FAILURE(ExpectRegionsEqualTheWhole(bytes, 3, tar->member().name));
    ++photos;
  }
  EXPECT_GE(photos, 100);
}

TEST(RegionTest, OtherFormatsAreDecodedWhole) {
  const RgbImage image = Noise(12, 10);
  ASSERT_OK_AND_ASSIGN(const std::string png, EncodePng(image));
  ImageRegion region;
  ASSERT_OK(DecodeRegion(png, v1::PNG, 12, 10, {{3, 4, 5, 6}, 8}, &region));
  EXPECT_TRUE(region.pixels == image);
  EXPECT_EQ(region.denominator, 1);
  EXPECT_EQ(region.image_height, 12);
}

TEST(RegionTest, RefusesWhatMakesNoSense) {
  const std::string jpeg = Jpeg(Noise(20, 30), kLayouts[0]);
  ImageRegion region;
  EXPECT_THAT(DecodeRegion(jpeg, v1::JPEG, 20, 30, {{10, 0, 11, 1}, 0}, &region),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("does not lie inside")));
  EXPECT_THAT(DecodeRegion(jpeg, v1::JPEG, 20, 30, {{0, 0, 1, 1}, 3}, &region),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1/3")));
  EXPECT_THAT(DecodeRegion(jpeg, v1::JPEG, 21, 30, {{0, 0, 1, 1}, 0}, &region),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has 20x30")));
  EXPECT_THAT(DecodeRegion(jpeg, v1::PNG, 20, 30, {{0, 0, 1, 1}, 0}, &region),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("PNG")));
  // Cut in the middle: what lies before the cut can still be had, the rest is an error.
  EXPECT_THAT(
      DecodeRegion(jpeg.substr(0, jpeg.size() / 2), v1::JPEG, 20, 30, {{0, 0, 20, 30}, 0}, &region),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("JPEG")));
}

}  // namespace
}  // namespace cassle
