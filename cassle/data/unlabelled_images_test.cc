#include "cassle/data/unlabelled_images.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

TEST(UnlabelledImagesTest, AFewWordsThatNamesBeginWithMayBeClasses) {
  UnlabelledImages images;
  EXPECT_EQ(images.Sentence({"labels.csv"}, "folder", "in"), "");
  for (int i = 0; i < 9; ++i) images.Add(absl::StrCat("train/", i % 2 == 0 ? "cat." : "dog_", i));
  images.Add("train/7.jpg");
  EXPECT_EQ(images.Sentence({}, "folder", "in"),
            "no image has a label, but their names begin with 2 words (cat, dog): if these are "
            "classes, --label_from=name takes them");
  EXPECT_EQ(images.Sentence({}, "csv", "in"), "no image has a label");
  images.Add("train/8.jpg");
  EXPECT_EQ(images.Sentence({}, "folder", "in"), "no image has a label");
}

TEST(UnlabelledImagesTest, OneWordOrOneForEachImageIsNoClass) {
  UnlabelledImages one, each;
  for (int i = 0; i < 2000; ++i) {
    one.Add(absl::StrCat("train/IMG_", i, ".jpg"));
    each.Add(absl::StrCat("train/", i, "x.jpg"));
  }
  EXPECT_EQ(one.Sentence({}, "folder", "in"), "no image has a label");
  EXPECT_EQ(each.Sentence({}, "folder", "in"), "no image has a label");
}

TEST(UnlabelledImagesTest, AFileThatMayHoldLabelsIsNamedWithWhatToDo) {
  UnlabelledImages images;
  images.Add("train/0.png");
  EXPECT_THAT(images.Sentence({"a/labels.csv"}, "webdataset", "in"),
              HasSubstr("a/labels.csv may hold some: unpack the archive and give that file as"));
  EXPECT_THAT(images.Sentence({"labels.json"}, "folder", "in"),
              HasSubstr("give a CSV made of it, with the columns path,label, as --input"));
}

// As in image folders of Hugging Face and exports of Roboflow.
TEST(UnlabelledImagesTest, AListInTheFolderOfEachSplitIsToBeGivenAsThatSplit) {
  UnlabelledImages images;
  images.Add("train/0.png");
  EXPECT_EQ(images.Sentence({"test/metadata.csv", "test/other.csv", "train/metadata.csv"}, "folder",
                            "in"),
            "no image has a label, but test/metadata.csv may hold some: give "
            "--train=in/train/metadata.csv --test=in/test/metadata.csv");
  EXPECT_THAT(images.Sentence({"labels.csv", "test/labels.csv"}, "folder", "in"),
              HasSubstr("give that file as --input"));
}

}  // namespace
}  // namespace cassle
