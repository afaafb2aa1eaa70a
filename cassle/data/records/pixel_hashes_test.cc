#include "cassle/data/records/pixel_hashes.h"

#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/records/dataset_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PixelHash Hash(int number) { return {static_cast<uint8_t>(number)}; }

std::vector<PixelHash> Hashes(const std::vector<int>& numbers) {
  std::vector<PixelHash> hashes;
  for (int number : numbers) hashes.push_back(Hash(number));
  return hashes;
}

RgbImage Image(int height, int width) {
  RgbImage image;
  image.Resize(height, width);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i);
  return image;
}

TEST(PixelHashTest, IsWhatXxhashOfPythonSays) {
  // xxhash.xxh3_128_digest(bytes(range(18)), seed=(2 << 32) + 3).
  EXPECT_THAT(HashPixels(Image(2, 3)), ElementsAre(0x1a, 0x7d, 0x40, 0xaa, 0x51, 0x5c, 0x64, 0xfc,
                                                   0xae, 0x35, 0xcf, 0x5e, 0xfb, 0x11, 0x19, 0x98));
}

TEST(PixelHashTest, TellsSizesAndPixelsApart) {
  EXPECT_NE(HashPixels(Image(2, 3)), HashPixels(Image(3, 2)));
  RgbImage other = Image(2, 3);
  other.pixels[17] ^= 1;
  EXPECT_NE(HashPixels(Image(2, 3)), HashPixels(other));
}

TEST(FindSharedTest, CountsImagesThatTheOtherSetHasTooAndNamesTheFirst) {
  const EqualImages found = FindShared(Hashes({5, 1, 2, 1}), Hashes({9, 2, 1, 1}));
  EXPECT_EQ(found.count, 3);
  EXPECT_EQ(found.first, 1);
  EXPECT_EQ(found.other, 2);
  EXPECT_EQ(FindShared(Hashes({5}), Hashes({1})).count, 0);
}

TEST(FindRepeatedTest, CountsImagesWithAnEarlierTwin) {
  const EqualImages found = FindRepeated(Hashes({4, 1, 4, 4, 2}));
  EXPECT_EQ(found.count, 2);
  EXPECT_EQ(found.first, 2);
  EXPECT_EQ(found.other, 0);
}

TEST(FindConflictsTest, FindsTwinsOfOtherLabelsWhicheverComesFirst) {
  // Twins 1: labels 0, 0, 2; twins 3: alike; twins 4: one says nothing.
  const std::vector<PixelHash> images = Hashes({1, 3, 1, 3, 4, 1, 4});
  const std::vector<int> labels = {0, 1, 0, 1, 1, 2, -1};
  const EqualImages within = FindConflicts(images, labels, images, labels);
  EXPECT_EQ(within.count, 3);
  EXPECT_EQ(within.first, 0);
  EXPECT_EQ(within.other, 5);
  const EqualImages across = FindConflicts(Hashes({3, 1}), {1, 2}, images, labels);
  EXPECT_EQ(across.count, 1);
  EXPECT_EQ(across.first, 1);
  EXPECT_EQ(across.other, 0);
}

class PixelHashFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = JoinPath(::testing::TempDir(),
                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(folder_));
    ASSERT_OK(MakeDirectories(folder_));
  }

  // Images 0 .. 5 alternate between train and test, as a source may bring them.
  v1::DatasetInfo Write(bool with_hashes) {
    DatasetWriter writer(folder_, {"train", "test"}, /*max_shard_bytes=*/80);
    for (int i = 0; i < 6; ++i) {
      v1::ImageRecord record;
      record.set_format(v1::RAW_RGB8);
      record.set_encoded("rgb");
      EXPECT_OK(with_hashes ? writer.Append(i % 2, &record, Hash(i))
                            : writer.Append(i % 2, &record));
    }
    v1::DatasetInfo info;
    EXPECT_OK(writer.Finish(&info));
    return info;
  }

  std::string folder_;
};

TEST_F(PixelHashFileTest, HasTheOrderOfItsSplit) {
  const v1::DatasetInfo info = Write(true);
  ASSERT_OK_AND_ASSIGN(const auto train, ReadPixelHashes(folder_, info.splits(0)));
  ASSERT_OK_AND_ASSIGN(const auto test, ReadPixelHashes(folder_, info.splits(1)));
  EXPECT_EQ(train, Hashes({0, 2, 4}));
  EXPECT_EQ(test, Hashes({1, 3, 5}));
}

TEST_F(PixelHashFileTest, OfAnEarlierDataSetIsNotThere) {
  const v1::DatasetInfo info = Write(false);
  ASSERT_OK_AND_ASSIGN(const auto train, ReadPixelHashes(folder_, info.splits(0)));
  EXPECT_THAT(train, IsEmpty());
}

TEST_F(PixelHashFileTest, OfAnotherLengthIsRefused) {
  const v1::DatasetInfo info = Write(true);
  ASSERT_OK(WriteFile(JoinPath(folder_, "train.pixels"), "too short"));
  EXPECT_THAT(ReadPixelHashes(folder_, info.splits(0)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("9 bytes instead of 48")));
}

}  // namespace
}  // namespace cassle
