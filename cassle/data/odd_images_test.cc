// Images that are read although something is odd about them, through shard-encoder.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/shard_encoder_stage.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/stage/stage_main.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

absl::StatusOr<StageOutcome> Encode(const std::string& root, const std::string& output) {
  v1::ShardEncoderOptions options;
  options.set_input(root);
  options.set_output(output);
  options.set_label_from("folder");
  return RunStage(ShardEncoderInfo(), options, {.threads = 1, .omit_costs = true}, RunShardEncoder);
}

TEST(OddImagesTest, WhatAFileIsItsContentDecidesAndRecordsHoldPng) {
  // Gray of a pixel by two, as a text map that is called .jpg.
  const std::string root = FreshFolder("foreign");
  PutFile(root + "/a/1.jpg", "P2 2 1 255\n10 200\n");
  PutFile(root + "/a/2.png", FlatPng(3, 3, 1, 2, 3));
  const std::string output = FreshFolder("foreign_out") + "/data";
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(root, output));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(output));
  v1::ImageRecord record;
  RgbImage image;
  ASSERT_OK(data->ReadImage(0, &record, &image));
  EXPECT_EQ(record.format(), v1::PNG);
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{10, 10, 10, 200, 200, 200}));
  EXPECT_THAT(outcome.manifest.notes(),
              UnorderedElementsAre(
                  "1 PNM images named as JPEG: the content decides (train/a/1.jpg)",
                  "1 PNM images stored as PNG: their pixels in 8 bits of RGB (train/a/1.jpg)"));
  ASSERT_OK_AND_ASSIGN(const std::string remarks, ReadFile(output + "/remarks.csv"));
  EXPECT_THAT(remarks, HasSubstr("stored as PNG"));
}

TEST(OddImagesTest, CleanImagesAreNotRemarkedOn) {
  const std::string root = FreshFolder("clean");
  PutFile(root + "/a/1.png", FlatPng(3, 3, 1, 2, 3));
  const std::string output = FreshFolder("clean_out") + "/data";
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(root, output));
  EXPECT_EQ(outcome.manifest.notes_size(), 0);
  EXPECT_FALSE(FileExists(output + "/remarks.csv"));
}

TEST(OddImagesTest, DamageThatPillowDecodesIsDecodedAndNamed) {
  RgbImage noise;
  noise.Resize(32, 32);
  for (size_t i = 0; i < noise.pixels.size(); ++i) noise.pixels[i] = i * i % 251;
  ASSERT_OK_AND_ASSIGN(const std::string jpeg, EncodeJpeg(noise, 90));
  const std::string root = FreshFolder("cut");
  PutFile(root + "/a/cut.jpg", absl::StrCat(jpeg.substr(0, jpeg.size() * 2 / 3), "\xff\xd9"));
  PutFile(root + "/a/whole.jpg", jpeg);
  const std::string output = FreshFolder("cut_out") + "/data";
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(root, output));
  EXPECT_THAT(outcome.manifest.notes(), ElementsAre(AllOf(HasSubstr("1 images with damage inside"),
                                                          HasSubstr("(train/a/cut.jpg)"))));
  // The stored bytes decode again.
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(output));
  v1::ImageRecord record;
  RgbImage image;
  EXPECT_OK(data->ReadImage(0, &record, &image));
  EXPECT_EQ(record.format(), v1::JPEG);
}

TEST(OddImagesTest, OrientationsThatRecordsDoNotKnowAreAppliedBefore) {
  // A 32-bit tag; 6: a clockwise turn.
  RgbImage flat;
  flat.Resize(20, 10);
  ASSERT_OK_AND_ASSIGN(const std::string jpeg, EncodeJpeg(flat, 90));
  const std::string exif("Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\4\0\1\0\0\0\6\0\0\0\0\0\0\0", 32);
  const std::string root = FreshFolder("turned");
  PutFile(root + "/a/1.jpg", absl::StrCat(jpeg.substr(0, 2), absl::string_view("\xff\xe1\0\x22", 4),
                                          exif, jpeg.substr(2)));
  const std::string output = FreshFolder("turned_out") + "/data";
  ASSERT_OK(Encode(root, output));
  ASSERT_OK_AND_ASSIGN(const auto data, Dataset::Open(output));
  v1::ImageRecord record;
  RgbImage image;
  ASSERT_OK(data->ReadImage(0, &record, &image));
  EXPECT_EQ(record.format(), v1::PNG);
  EXPECT_EQ(image.height, 10);
  EXPECT_EQ(image.width, 20);
}

}  // namespace
}  // namespace cassle
