// Folders that may be splits, or copies, or hold masks: what is read and what is for the user to
// decide.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/source_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;

class FolderSplitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = FreshFolder(testing::UnitTest::GetInstance()->current_test_info()->name());
    arguments_.inputs = {{"", root_}};
  }
  void Put(const std::string& path) { PutFile(JoinPath(root_, path), FlatPng(2, 2, 1, 2, 3)); }
  // Folders of two images each, and nothing else.
  void SetImages(const std::vector<std::string>& folders) {
    ASSERT_OK(RemoveAll(root_));
    for (const std::string& folder : folders) {
      for (int i = 0; i < 2; ++i) Put(absl::StrCat(folder, "/", i, ".png"));
    }
  }
  absl::StatusOr<SourceContent> Read() {
    arguments_.tally = std::make_shared<Tally>();
    return ReadSource(arguments_);
  }

  std::string root_;
  SourceArguments arguments_;
};

TEST_F(FolderSplitsTest, FoldersThatAreHalfCalledSplitsAreForTheUserToDecide) {
  SetImages({"seg_train/sea", "seg_test/sea", "seg_pred"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("--test=" + root_ + "/seg_test"),
                                           HasSubstr("which leaves seg_pred/ out (--unlabeled=" +
                                                     root_ + "/seg_pred reads it, too)"))));
  // Whatever lies beside them.
  const std::vector<std::string> sets[] = {{"train1", "test1", "sample"},
                                           {"train_clean", "test_clean", "extra"},
                                           {"train2017", "val2017"},
                                           {"trainA", "testA", "a", "b", "c", "d"}};
  for (const std::vector<std::string>& folders : sets) {
    SetImages(folders);
    PutFile(root_ + "/annotations/instances.json", "{}");
    ASSERT_OK(MakeDirectories(root_ + "/empty"));
    arguments_.inputs[0].split = "";
    EXPECT_THAT(Read(),
                StatusIs(kBad, AllOf(HasSubstr("may be splits or classes"), HasSubstr("--train="))))
        << folders[0];
    arguments_.inputs[0].split = "train";
    ASSERT_OK_AND_ASSIGN(const SourceContent classes, Read());
    EXPECT_EQ(classes.info.classes_size(), folders.size());
  }
}

TEST_F(FolderSplitsTest, OneFolderWithTheWordOfASplitInItsNameIsAClass) {
  SetImages({"train_station", "cat"});
  ASSERT_OK(MakeDirectories(root_ + "/test_tube"));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "train_station"));
}

TEST_F(FolderSplitsTest, AFolderTrainBesideOneThatHalfSaysASplitIsNoClass) {
  SetImages({"train", "test1", "sample"});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("holds images and lies beside the splits train/")));
}

TEST_F(FolderSplitsTest, AFolderIsASplitIfItIsAskedForByItsName) {
  SetImages({"train/cat", "train/dog", "holdout/cat", "holdout/dog"});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("/holdout holds images and lies beside")));
  arguments_.splits = {"train", "holdout"};
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.splits, ElementsAre("train", "holdout"));
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "dog"));
}

TEST_F(FolderSplitsTest, ASplitWithoutAnImageIsNamed) {
  SetImages({"test/cat", "test/dog"});
  ASSERT_OK(MakeDirectories(root_ + "/train"));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.sentences, Contains("1 splits without an image (train)"));
}

TEST_F(FolderSplitsTest, NoAdviceGivesAFlagTwice) {
  SetImages({"pos_train", "pos_test", "neg_train", "neg_test"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("a CSV with the columns path,label,split"),
                                           Not(HasSubstr("--test=")))));
  SetImages({"train", "val", "valid", "extra"});
  EXPECT_THAT(Read(),
              StatusIs(kBad, AllOf(HasSubstr("--leave_out=extra"), Not(HasSubstr("--val=")))));
}

TEST_F(FolderSplitsTest, SplitsInsideOneClassAreForTheUserToDecide) {
  const std::vector<std::string> sets[] = {
      {"pos/train", "pos/test", "neg"},
      {"pos/train", "pos/test", "neg/train", "neg/Test", "neg/extra"},
      {"pos/train", "neg"}};
  for (const std::vector<std::string>& folders : sets) {
    SetImages(folders);
    arguments_.inputs[0].split = arguments_.label_from = "";
    EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("pos/train/"), HasSubstr("lies in none"),
                                             HasSubstr("--leave_out=neg/"),
                                             HasSubstr("--label_from=folder"))));
    arguments_.inputs[0].split = "train";
    arguments_.label_from = "folder";
    ASSERT_OK_AND_ASSIGN(const SourceContent one, Read());
    EXPECT_THAT(one.info.classes(), ElementsAre("neg", "pos"));
  }
}

TEST_F(FolderSplitsTest, ACopyOfTheClassFoldersBesideThemIsForTheUserToDecide) {
  SetImages({"yes", "no", "brain/yes", "brain/no"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("brain/ holds folders of the names of those"),
                                           HasSubstr("--leave_out=brain"))));
  arguments_.label_from = "folder";
  ASSERT_OK_AND_ASSIGN(const SourceContent folder, Read());
  EXPECT_THAT(folder.info.classes(), ElementsAre("brain", "no", "yes"));
  arguments_.label_from = "parent";
  ASSERT_OK_AND_ASSIGN(const SourceContent parent, Read());
  EXPECT_THAT(parent.info.classes(), ElementsAre("no", "yes"));
}

TEST_F(FolderSplitsTest, MasksBesideTheirImagesAreSaid) {
  SetImages({"cat", "dog"});
  for (const char* name : {"cat/0_mask.png", "cat/1_Mask_1.png", "dog/0_mask.png", "dog/mask.png",
                           "dog/other_mask.png", "dog/0unmask.png"}) {
    Put(name);
  }
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(content.items.size(), 10);
  EXPECT_THAT(content.sentences,
              ElementsAre("3 of the images are named as masks of others (cat/0_mask.png) and are "
                          "read as images all the same: --leave_out='*_Mask_*.png,*_mask.png' "
                          "leaves them out"));
  arguments_.leave_out =
      std::make_shared<LeaveOut>(std::vector<std::string>{"*_Mask_*.png", "*_mask.png"});
  ASSERT_OK_AND_ASSIGN(const SourceContent without, Read());
  EXPECT_EQ(without.items.size(), 6);
}

TEST_F(FolderSplitsTest, AFolderToBeLeftOutMayEndWithASlash) {
  SetImages({"cat", "dog"});
  arguments_.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"dog/"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.info.classes(), ElementsAre("cat"));
}

TEST_F(FolderSplitsTest, AnArchiveBesideAFolderHasToBeUnpacked) {
  SetImages({"train/cat", "train/dog"});
  PutFile(root_ + "/test.tar", MakeTar({{"0.png", "x"}}));
  arguments_.inputs = {{"train", root_ + "/train"}, {"test", root_ + "/test.tar"}};
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("test.tar is a file"),
                                           HasSubstr("unpack the archive first"))));
}

}  // namespace
}  // namespace cassle
