#include "cassle/data/unlabelled_images.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

TEST(UnlabelledImagesTest, AFewWordsThatNamesBeginWithMayBeClasses) {
  UnlabelledImages images;
  EXPECT_EQ(images.Sentence("labels.csv", "folder"), "");
  for (int i = 0; i < 9; ++i) images.Add(absl::StrCat("train/", i % 2 == 0 ? "cat." : "dog_", i));
  images.Add("train/7.jpg");
  EXPECT_EQ(images.Sentence("", "folder"),
            "no image has a label, but their names begin with 2 words (cat, dog): if these are "
            "classes, --label_from=name takes them");
  EXPECT_EQ(images.Sentence("", "csv"), "no image has a label");
  images.Add("train/8.jpg");
  EXPECT_EQ(images.Sentence("", "folder"), "no image has a label");
}

TEST(UnlabelledImagesTest, OneWordOrOneForEachImageIsNoClass) {
  UnlabelledImages one, each;
  for (int i = 0; i < 2000; ++i) {
    one.Add(absl::StrCat("train/IMG_", i, ".jpg"));
    each.Add(absl::StrCat("train/", i, "x.jpg"));
  }
  EXPECT_EQ(one.Sentence("", "folder"), "no image has a label");
  EXPECT_EQ(each.Sentence("", "folder"), "no image has a label");
}

TEST(UnlabelledImagesTest, AFileThatMayHoldLabelsIsNamedWithWhatToDo) {
  UnlabelledImages images;
  images.Add("train/0.png");
  EXPECT_THAT(images.Sentence("a/labels.csv", "webdataset"),
              HasSubstr("a/labels.csv may hold some: unpack the archive and give that file as"));
  EXPECT_THAT(images.Sentence("labels.json", "folder"),
              HasSubstr("give a CSV made of it, with the columns path,label, as --input"));
}

}  // namespace
}  // namespace cassle
