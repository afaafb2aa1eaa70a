// Images and nothing else, whatever they lie in and whatever lies beside them.
#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/source_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Png() { return FlatPng(1, 1, 1, 1, 1); }

absl::StatusOr<SourceContent> ReadImages(const std::string& input) {
  SourceArguments arguments;
  arguments.inputs = {{"", input}};
  arguments.only_images = true;
  return ReadSource(arguments);
}

// None of these is taken as labelled images: loose ones beside folders, a split beside a folder,
// one folder above all others.
TEST(OnlyImagesTest, FoldersAreNeitherClassesNorSplits) {
  const std::string root = FreshFolder("only_images");
  PutFile(root + "/photos/train/b.png", Png());
  PutFile(root + "/photos/extra/c.png", Png());
  PutFile(root + "/photos/extra/deep/d.png", Png());
  ASSERT_OK_AND_ASSIGN(SourceContent content, ReadImages(root));
  EXPECT_THAT(
      KeysAndLabels(content),
      ElementsAre("photos/extra/c.png=-", "photos/extra/deep/d.png=-", "photos/train/b.png=-"));
  EXPECT_THAT(content.splits, ElementsAre(""));
  EXPECT_THAT(content.sentences, IsEmpty());
  PutFile(root + "/a.png", Png());
  ASSERT_OK_AND_ASSIGN(content, ReadImages(root));
  EXPECT_EQ(content.items.size(), 4);
  EXPECT_EQ(content.items[0].key, "a.png");
}

TEST(OnlyImagesTest, OneFileIsOneImage) {
  const std::string root = FreshFolder("only_one");
  PutFile(root + "/train/1.png", Png());
  PutFile(root + "/train/2.png", Png());
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadImages(root + "/train/2.png"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("2.png=-"));
  EXPECT_EQ(content.items[0].file, Png());
}

TEST(OnlyImagesTest, OfAnArchiveFoldersAndLabelsSayNothing) {
  const std::string root = FreshFolder("only_members");
  PutFile(root + "/test.tar", MakeTar({{"train/cat/1.png", Png()},
                                       {"train/cat/1.cls", "not a number"},
                                       {"train/cat/1.hue.cls", "neither"},
                                       {"extra/2.png", Png()},
                                       {"3.png", Png()}}));
  ASSERT_OK_AND_ASSIGN(SourceContent content, ReadImages(root + "/test.tar"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/cat/1.png=-", "extra/2.png=-", "3.png=-"));
  // A folder of archives, of which one is named after a split.
  PutFile(root + "/more.tar", MakeTar({{"4.png", Png()}}));
  ASSERT_OK_AND_ASSIGN(content, ReadImages(root));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("4.png=-", "train/cat/1.png=-", "extra/2.png=-", "3.png=-"));
  EXPECT_THAT(content.splits, ElementsAre(""));
}

TEST(OnlyImagesTest, OfAListOnlyThePathsAreRead) {
  const std::string root = FreshFolder("only_paths");
  for (const char* name : {"/b.png", "/a/c.png"}) PutFile(root + name, Png());
  PutFile(root + "/test.csv",
          "path,label,split,position:2\nb.png,cat,val,no numbers\na/c.png,,train,1 2\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadImages(root + "/test.csv"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("b.png=-", "a/c.png=-"));
  EXPECT_THAT(content.splits, ElementsAre(""));
  EXPECT_EQ(content.info.targets_size(), 0);
}

}  // namespace
}  // namespace cassle
