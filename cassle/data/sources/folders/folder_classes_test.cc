// Which folders are classes and which are splits, where there are folders inside of folders; images
// whose names say nothing; and --label_from, which decides.
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kUsage = absl::StatusCode::kInvalidArgument;

class FolderClassesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = FreshFolder(testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  // An image in each.
  void PutImages(const std::vector<std::string>& folders) {
    for (const std::string& folder : folders) {
      PutFile(absl::StrCat(root_, "/", folder, "/1.png"), png_);
    }
  }
  absl::StatusOr<SourceContent> Read(const std::string& label_from = "",
                                     const std::string& split = "") {
    SourceArguments arguments;
    arguments.inputs = {{split, root_}};
    arguments.label_from = label_from;
    return ReadSource(arguments);
  }
  // Like Read, of the classes alone.
  std::string Classes(const std::string& label_from = "") {
    const auto content = Read(label_from);
    return content.ok() ? absl::StrJoin(content->info.classes(), " ")
                        : std::string(content.status().message());
  }

  const std::string png_ = FlatPng(2, 2, 1, 2, 3);
  std::string root_;
};

TEST_F(FolderClassesTest, SplitsInsideClassesAreSplitsAndThatIsSaid) {
  PutImages({"cat/train", "cat/Test", "dog/train/deep", "dog/valid"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.splits, ElementsAre("train", "val", "test"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/cat/1.png=0", "train/dog/deep/1.png=1",
                                                  "val/dog/1.png=1", "test/cat/1.png=0"));
  EXPECT_EQ(content.items[3].file, png_);
  EXPECT_THAT(content.sentences,
              ElementsAre(AllOf(HasSubstr("inside the class folders (cat/Test/, cat/train/, "),
                                HasSubstr("--label_from=folder"))));
  ASSERT_OK_AND_ASSIGN(const SourceContent one, Read("folder", "train"));
  EXPECT_THAT(one.splits, ElementsAre("train"));
  EXPECT_THAT(KeysAndLabels(one), Contains("train/cat/Test/1.png=0"));
}

TEST_F(FolderClassesTest, SplitsInsideMostClassesAreForTheUserToDecide) {
  PutImages({"cat/train", "cat/test", "dog/train", "bird"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("bird/1.png lies in none"),
                                           HasSubstr("--leave_out=bird/1.png"),
                                           HasSubstr("--label_from=folder"))));
  ASSERT_OK(RemoveAll(root_ + "/bird"));
  PutImages({"dog/training"});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("dog/training/ and train/ beside it are both the "
                                               "split 'train'")));
}

TEST_F(FolderClassesTest, AFolderTrainInsideOneClassIsNoSplit) {
  PutImages({"vehicles/train", "vehicles/car", "animals/cat", "animals/dog"});
  EXPECT_EQ(Classes(), "animals vehicles");
}

TEST_F(FolderClassesTest, FoldersOfTheSameNamesInsideAreForTheUserToDecide) {
  PutImages({"a/cat", "a/dog", "b/cat"});
  EXPECT_THAT(Read(),
              StatusIs(kBad, AllOf(HasSubstr("a/, b/ hold folders of the same names (cat/)"),
                                   HasSubstr("--input=" + root_ + "/a"))));
  EXPECT_THAT(Read("", "test"), StatusIs(kBad, HasSubstr("--test=" + root_ + "/a")));
  EXPECT_EQ(Classes("folder"), "a b");
  EXPECT_EQ(Classes("parent"), "cat dog");
  EXPECT_EQ(Classes("none"), "");
}

TEST_F(FolderClassesTest, ClassesMayHaveFoldersOfTheirOwn) {
  // As in Tiny ImageNet.
  PutImages({"n01443537/images", "n01629819/images"});
  ASSERT_OK_AND_ASSIGN(const SourceContent single, Read());
  EXPECT_THAT(single.info.classes(), ElementsAre("n01443537", "n01629819"));
  EXPECT_THAT(single.sentences, IsEmpty());
  // As in Office-31: the classes are below.
  PutImages({"n01443537/images/mug", "n01443537/images/bike", "n01629819/images/mug"});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("--label_from=parent takes bike/, mug/")));
  ASSERT_OK(RemoveAll(root_));
  PutImages({"apple/apple_1", "apple/apple_2", "bowl/bowl_1", "bowl/bowl_2"});
  ASSERT_OK_AND_ASSIGN(const SourceContent own, Read());
  EXPECT_THAT(own.info.classes(), ElementsAre("apple", "bowl"));
  EXPECT_THAT(own.sentences, ElementsAre(AllOf(HasSubstr("not those inside them (apple/apple_1/)"),
                                               HasSubstr("--label_from=parent"))));
  // Most images lie right in the classes.
  PutImages({"apple", "bowl", "cup", "cup/old", "dish", "dish/old"});
  ASSERT_OK(RemoveAll(root_ + "/apple/apple_1"));
  ASSERT_OK(RemoveAll(root_ + "/bowl"));
  EXPECT_EQ(Classes(), "apple cup dish");
}

TEST_F(FolderClassesTest, ImagesBesideTheirMasksAreNoClasses) {
  PutImages({"Images", "masks"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("Images/ and masks/ do not sound like"),
                                           HasSubstr("--input=" + root_ + "/Images"))));
  PutImages({"Images/cat", "Images/dog", "masks/cat", "masks/dog"});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("do not sound like")));
  EXPECT_EQ(Classes("folder"), "Images masks");
  // Nor with the splits inside, as ADE20K and Cityscapes have them.
  for (const auto& [images, masks] :
       {std::pair("images", "annotations"), {"leftImg8bit", "gtFine"}}) {
    ASSERT_OK(RemoveAll(root_));
    for (const char* split : {"training", "validation"}) {
      PutImages({absl::StrCat(images, "/", split), absl::StrCat(masks, "/", split)});
    }
    EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("do not sound like"))) << images;
  }
  ASSERT_OK(RemoveAll(root_));
  PutImages({"mask", "photo", "hat", "shoe", "tie"});
  EXPECT_EQ(Classes(), "hat mask photo shoe tie");
}

TEST_F(FolderClassesTest, PartsOfOneSetAreNoClasses) {
  PutImages({"images_part_1", "images_part_2"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("images_part_1/, images_part_2/ sound like "
                                                     "parts of one set"),
                                           HasSubstr("--label_from=none"))));
  EXPECT_EQ(Classes("folder"), "images_part_1 images_part_2");
  ASSERT_OK(RemoveAll(root_));
  PutImages({"images_001/images", "images_002/images"});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("sound like parts of one set")));
  ASSERT_OK(RemoveAll(root_));
  // Numbers alone, and behind other words, are names of classes; so is a part beside others.
  PutImages({"n01440764", "n01443537"});
  EXPECT_EQ(Classes(), "n01440764 n01443537");
  PutImages({"part1"});
  EXPECT_EQ(Classes(), "n01440764 n01443537 part1");
}

TEST_F(FolderClassesTest, TheWordThatNamesBeginWithIsTheClassIfAsked) {
  for (const char* name : {"cat.0.png", "dog.1.png", "cat.2.png"}) {
    PutFile(JoinPath(root_, name), png_);
  }
  EXPECT_EQ(Classes(), "");
  EXPECT_EQ(Classes("name"), "cat dog");
  PutFile(root_ + "/7.png", png_);
  EXPECT_THAT(Classes("name"), AllOf(HasSubstr("7.png: the name begins with no word"),
                                     HasSubstr("--leave_out=7.png")));
}

TEST_F(FolderClassesTest, LabelsFromNowhereReadsLooseImagesBesideFolders) {
  PutImages({"cat", "."});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("--label_from=none")));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read("none"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/1.png=-", "train/cat/1.png=-"));
  EXPECT_THAT(Read("cls"), StatusIs(kUsage, HasSubstr("folder, parent, name or none")));
}

TEST_F(FolderClassesTest, ImagesWhoseNamesSayNothingAreReadByTheirContent) {
  PutFile(root_ + "/cat/1", png_);
  PutFile(root_ + "/cat/IMG.0001", png_);
  PutFile(root_ + "/cat/README", "P6 is a format");
  PutFile(root_ + "/dog/2.tga", png_);
  PutFile(root_ + "/dog/3.tga", "x");
  PutFile(root_ + "/dog/4.SVG", "<svg/>");
  PutFile(root_ + "/dog/5.png", png_);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/cat/1=0", "train/cat/IMG.0001=0", "train/dog/5.png=1"));
  EXPECT_THAT(content.sentences,
              ElementsAre("4 files that are not named as images skipped: .tga 2, .svg 1, without "
                          "an ending 1 (cat/README, ...)",
                          "2 images without an image's ending read: the content decides (cat/1, "
                          "...)"));
}

TEST_F(FolderClassesTest, AnOnlyClassIsSaid) {
  PutImages({"tench"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.info.classes(), ElementsAre("tench"));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("all images are of one class, tench")));
  ASSERT_OK_AND_ASSIGN(const SourceContent asked, Read("folder"));
  EXPECT_THAT(asked.sentences, IsEmpty());
}

// As in exports of labelling tools: train/images/ beside train/labels/.
TEST_F(FolderClassesTest, AnOnlyFolderThatIsCalledImagesIsNoClassUnlessAskedAndThatIsSaid) {
  PutImages({"train/images", "test/images"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.info.classes(), IsEmpty());
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/images/1.png=-", "test/images/1.png=-"));
  EXPECT_THAT(content.sentences, ElementsAre("all images lie in images/, which is taken for no "
                                             "class: --label_from=folder makes it one"));
  EXPECT_EQ(Classes("folder"), "images");
}

TEST_F(FolderClassesTest, OneFolderOfAnotherNameDoesNotDecideOverThoseOfTheSameNames) {
  PutImages({"art/cat", "art/dog", "photo/cat", "photo/bird"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("art/, photo/ hold folders of the same names"),
                                           HasSubstr("--label_from=parent"))));
  PutImages({"ink/cat", "ink/cow", "wood/cow", "wood/fox"});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("hold folders of the same names")));
}

TEST_F(FolderClassesTest, ABrokenLinkSaysWhereItLeads) {
  PutImages({"cat", "dog"});
  ASSERT_EQ(symlink("/nowhere/x.png", (root_ + "/cat/gone.png").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.items[1].problem, HasSubstr("a link to /nowhere/x.png"));
}

TEST_F(FolderClassesTest, AFileThatMayHoldTheLabelsIsRemembered) {
  SourceArguments arguments;
  arguments.inputs = {{"", root_}};
  for (const char* name : {"a/1.png", "a/README.txt", "a/notes.json"}) {
    PutFile(JoinPath(root_, name), png_);
  }
  ASSERT_OK(ReadSource(arguments));
  EXPECT_THAT(arguments.tally->label_files(), IsEmpty());
  for (const char* name : {"a/deep/things.csv", "a/labels.json", "a/other.tsv"}) {
    PutFile(JoinPath(root_, name), "x");
  }
  ASSERT_OK(ReadSource(arguments));
  EXPECT_THAT(arguments.tally->label_files(),
              ElementsAre("a/labels.json", "a/other.tsv", "a/deep/things.csv"));
}

}  // namespace
}  // namespace cassle
