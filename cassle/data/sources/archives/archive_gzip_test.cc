// Archives that gzip compressed: read to their ends, and checked.
#include <cstdint>
#include <string>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/source_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kDamaged = absl::StatusCode::kDataLoss;

absl::StatusOr<SourceContent> ReadBytes(const std::string& bytes) {
  const std::string root =
      FreshFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
  PutFile(root + "/photos.tar", bytes);
  return ReadSource(root + "/photos.tar");
}

TEST(ArchiveGzipTest, AGzipIsReadToItsEndAndChecked) {
  const std::string tar = MakeTar(
      {{"0.png", FlatPng(1, 1, 1, 1, 1)}, {"0.cls", "0"}, {"1.png", FlatPng(1, 1, 1, 1, 1)}});
  const std::string packed = Gzip(tar);
  for (const size_t from_end : {8, 1}) {
    std::string changed = packed;
    changed[changed.size() - from_end] ^= 1;
    EXPECT_THAT(ReadBytes(changed), StatusIs(kDamaged, HasSubstr("the checksum of gzip")));
    EXPECT_THAT(ReadBytes(packed + changed), StatusIs(kDamaged, HasSubstr("the checksum of gzip")));
  }
  for (size_t cut = packed.size() - 1; cut >= packed.size() - 12; --cut) {
    EXPECT_THAT(ReadBytes(packed.substr(0, cut)), StatusIs(kDamaged, HasSubstr("end early")));
  }
  EXPECT_THAT(ReadBytes(Gzip(packed)), StatusIs(kDamaged, HasSubstr("not a readable tar or zip")));
  // Tapes are filled up with zeros.
  ASSERT_OK_AND_ASSIGN(const SourceContent tape, ReadBytes(packed + std::string(10240, '\0')));
  EXPECT_THAT(tape.sentences, ElementsAre("1 images without a label (train/1.png)"));
  ASSERT_OK_AND_ASSIGN(const SourceContent behind, ReadBytes(packed + std::string(70000, 'x')));
  EXPECT_THAT(behind.sentences,
              Contains("photos.tar: 70000 bytes behind the compressed data are not read"));
}

// What does not begin as the next member of a joined one, libarchive takes for none.
TEST(ArchiveGzipTest, BytesBehindABzip2AreCounted) {
  const std::string first = Bzip2(MakeTar({{"0.png", FlatPng(1, 1, 1, 1, 1)}, {"0.cls", "0"}}));
  const std::string second = Bzip2(MakeTar({{"1.png", FlatPng(1, 1, 1, 1, 1)}, {"1.cls", "1"}}));
  ASSERT_OK_AND_ASSIGN(const SourceContent joined, ReadBytes(first + second));
  EXPECT_EQ(joined.items.size(), 2);
  EXPECT_THAT(joined.sentences, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const SourceContent damaged, ReadBytes(first + "x" + second));
  EXPECT_EQ(damaged.items.size(), 1);
  EXPECT_THAT(damaged.sentences, ElementsAre(HasSubstr("bytes behind the compressed data are")));
  EXPECT_THAT(ReadBytes(first.substr(0, first.size() / 2)),
              StatusIs(kDamaged, HasSubstr("truncated bzip2 input: download or pack it again")));
}

// Random bytes do not compress, so that members cross the blocks that are read at a time.
TEST(ArchiveGzipTest, AGzipOfManyBlocksReadsAsItsContent) {
  std::string large(300000, '\0');
  uint32_t state = 1;
  for (char& byte : large) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  const std::string tar =
      MakeTar({{"0.png", large}, {"1.png", std::string(2000000, 'x')}, {"2.png", large}});
  for (const std::string& bytes :
       {Gzip(tar), Gzip(tar.substr(0, 300001)) + Gzip("") + Gzip(tar.substr(300001))}) {
    ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadBytes(bytes));
    ASSERT_EQ(content.items.size(), 3);
    EXPECT_EQ(content.items[0].file, large);
    EXPECT_EQ(content.items[1].file, std::string(2000000, 'x'));
    EXPECT_EQ(content.items[2].file, large);
  }
}

}  // namespace
}  // namespace cassle
