// Folders as people have them: stray files, odd folders, links, names; which layout they have and
// what of them is read.
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/foreign_format.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using v1::DatasetLayout;

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kDamaged = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kUsage = absl::StatusCode::kInvalidArgument;

class FolderLayoutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = FreshFolder(testing::UnitTest::GetInstance()->current_test_info()->name());
    arguments_.inputs = {{"", root_}};
  }
  void Put(const std::string& path, const std::string& bytes) {
    PutFile(JoinPath(root_, path), bytes);
  }
  // Folders of so many images each.
  void PutImages(const std::vector<std::string>& folders, int count = 4) {
    for (const std::string& folder : folders) {
      for (int i = 0; i < count; ++i) Put(absl::StrCat(folder, "/", i, ".png"), png_);
    }
  }
  std::string Tar(int images) {
    std::vector<std::pair<std::string, std::string>> members = {{"readme.txt", "x"}};
    for (int i = 0; i < images; ++i) members.emplace_back(absl::StrCat(i, ".png"), png_);
    return MakeTar(members);
  }
  absl::StatusOr<SourceContent> Read() {
    arguments_.tally = std::make_shared<Tally>();
    return ReadSource(arguments_);
  }
  std::string Notes() { return absl::StrJoin(arguments_.tally->Sentences(), "\n"); }
  // "folder train,test cat,dog 16" of what was read.
  std::string Summary(const SourceContent& content) {
    return absl::StrCat(content.layout, " ", absl::StrJoin(content.splits, ","), " ",
                        absl::StrJoin(content.info.classes(), ","), " ", content.items.size());
  }

  const std::string png_ = FlatPng(2, 2, 1, 2, 3);
  std::string root_;
  SourceArguments arguments_;
};

TEST_F(FolderLayoutTest, ACleanFolderHasNothingToSay) {
  PutImages({"train/cat", "train/dog", "test/cat", "test/dog"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(Summary(content), "folder train,test cat,dog 16");
  EXPECT_EQ(Notes(), "");
}

TEST_F(FolderLayoutTest, NoStrayFileDecidesOverFoldersOfImages) {
  const std::pair<const char*, std::string> strays[] = {
      {"labels.csv", "path,label\n"},
      {"list.csv", "path,label\ncat/0.png,3\n"},
      {"other.csv", "a,b\n1,2\n"},
      {"original.tar", Tar(0)},
      {"one.tar", Tar(1)},
      {"broken.tar", "x"},
      {"data_batch_notes.txt", "x"},
      {"data_batch_1", "x"},
      {"my-images-idx3-ubyte", "x"},
      {"a_X.bin", "x"},
  };
  for (const auto& [name, bytes] : strays) {
    ASSERT_OK(RemoveAll(root_));
    PutImages({"cat", "dog"});
    Put(name, bytes);
    ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
    EXPECT_EQ(Summary(content), "folder train cat,dog 8") << name;
    EXPECT_THAT(Notes(),
                AllOf(HasSubstr("layout folder (8 images in folders) rather than"), HasSubstr(name),
                      HasSubstr("--source"), testing::Not(HasSubstr(root_))));
  }
}

TEST_F(FolderLayoutTest, AStrayImageDoesNotDecideOverTars) {
  Put("train.tar", Tar(9));
  PutImages({"preview"}, 1);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(content.layout, "webdataset");
  EXPECT_EQ(content.items.size(), 9);
  EXPECT_THAT(Notes(), HasSubstr("rather than folder (1 images in folders)"));
}

TEST_F(FolderLayoutTest, AFileThatCannotBeReadIsNoStrayBesideOneImage) {
  const std::string idx("\0\0\x08\x03\0\0\0\x09", 8);
  const std::pair<const char*, std::string> damaged[] = {
      {"train.tar", Tar(9).substr(0, 2000)},
      {"train.tar", ""},
      {"train.tar", "x"},
      {"train-images-idx3-ubyte", idx},
      {"data_batch_1.bin", std::string(3000, 'x')},
  };
  for (const auto& [name, bytes] : damaged) {
    ASSERT_OK(RemoveAll(root_));
    Put("preview.png", png_);
    Put(name, bytes);
    EXPECT_THAT(Read(),
                StatusIs(kDamaged, AllOf(HasSubstr(name), HasSubstr("--source=folder reads only 1 "
                                                                    "images in folders"))));
    ASSERT_OK_AND_ASSIGN(const SourceContent content,
                         ReadSource(arguments_, DatasetLayout::FOLDER));
    EXPECT_EQ(content.items.size(), 1) << name;
  }
  // Nor beside a folder of pictures, nor beside another layout.
  ASSERT_OK(RemoveAll(root_));
  PutImages({"preview"});
  Put("train-images-idx3-ubyte", idx);
  EXPECT_THAT(Read(), StatusIs(kDamaged, HasSubstr("--source=folder reads only 4 images")));
  Put("train.tar", Tar(9));
  EXPECT_THAT(Read(), StatusIs(kDamaged, HasSubstr("--source=webdataset reads only 9 images")));
  // The other archive may hold all images.
  ASSERT_OK(RemoveAll(root_));
  Put("preview.png", png_);
  Put("a.tar", Tar(0));
  Put("b.tar", Tar(9));
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("a.tar: there are no images")));
}

TEST_F(FolderLayoutTest, ASoundFileWithoutImagesIsAStrayBesideOneImage) {
  const std::pair<const char*, std::string> strays[] = {
      {"papers.tar", Tar(0)}, {"data_batch_notes.txt", "x"}, {"a_X.bin", "x"}};
  for (const auto& [name, bytes] : strays) {
    ASSERT_OK(RemoveAll(root_));
    Put("preview.png", png_);
    Put(name, bytes);
    ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
    EXPECT_EQ(content.layout, "folder");
    EXPECT_THAT(Notes(), HasSubstr("layout folder (1 images in folders) rather than")) << name;
  }
}

TEST_F(FolderLayoutTest, ReadingsOfAboutEquallyManyImagesAreForTheUserToDecide) {
  Put("train.tar", Tar(8));
  PutImages({"cat", "dog"});
  EXPECT_THAT(Read(), StatusIs(kUsage, AllOf(HasSubstr("--source=webdataset"),
                                             HasSubstr("--source=folder"))));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(arguments_, DatasetLayout::FOLDER));
  EXPECT_EQ(content.items.size(), 8);
}

TEST_F(FolderLayoutTest, AListOfMostOfTheImagesDecides) {
  PutImages({"img"});
  Put("list.csv", "path,label\nimg/0.png,0\nimg/1.png,1\nimg/2.png,1\nimg/3.png,0\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent all, Read());
  EXPECT_EQ(all.layout, "csv");
  EXPECT_EQ(Notes(), "");
  PutImages({"other"});
  ASSERT_OK_AND_ASSIGN(const SourceContent half, Read());
  EXPECT_EQ(half.layout, "csv");
  EXPECT_THAT(Notes(), HasSubstr("rather than folder (8 images in folders)"));
}

TEST_F(FolderLayoutTest, AListThatIsNotUnderstoodBesideImagesWithoutClassesIsAnError) {
  PutImages({"."});
  Put("train.csv", "id,breed\n0,husky\n");
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("train.csv:1"), HasSubstr("'path'"),
                                           HasSubstr("--source=folder"))));
}

TEST_F(FolderLayoutTest, AListThatIsNotUnderstoodBesideArchivesNamesTheLayoutThatReadsThem) {
  Put("train.tar", Tar(2));
  Put("sampleSubmission.csv", "id,label\n1,0\n");
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("sampleSubmission.csv:1"),
                                           HasSubstr("--source=webdataset reads"))));
  Put("train.tar", Tar(0));
  EXPECT_THAT(Read(), StatusIs(kBad, Not(HasSubstr("--source="))));
}

TEST_F(FolderLayoutTest, SplitsAreRecognisedAsPeopleWriteThem) {
  PutImages({"Train/cat", "TEST/cat", "Validation/cat"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(Summary(content), "folder train,val,test cat 12");
  PutImages({"dev/cat"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("dev is a second folder"),
                                           HasSubstr("--leave_out=dev"))));
}

TEST_F(FolderLayoutTest, AFolderOfImagesBesideSplitsIsAnErrorWithTheFlagsThatDecide) {
  PutImages({"train/cat", "train/dog", "test/cat", "extra/cat"});
  EXPECT_THAT(Read(),
              StatusIs(kBad, AllOf(HasSubstr("/extra holds images"), HasSubstr("--leave_out=extra"),
                                   HasSubstr(absl::StrCat("--train=", root_, "/train")),
                                   HasSubstr("--unlabeled="))));
  arguments_.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"extra"});
  ASSERT_OK_AND_ASSIGN(const SourceContent left_out, Read());
  EXPECT_EQ(Summary(left_out), "folder train,test cat,dog 12");
  EXPECT_EQ(Notes(), "1 files and folders left out as asked (extra)");
  arguments_.leave_out = std::make_shared<LeaveOut>();
  arguments_.inputs = {{"train", root_}};
  ASSERT_OK_AND_ASSIGN(const SourceContent classes, Read());
  EXPECT_EQ(Summary(classes), "folder train extra,test,train 16");
}

TEST_F(FolderLayoutTest, WhatIsToBeLeftOutMustBeThere) {
  PutImages({"cat", "dog"});
  arguments_.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"*/0.png", "bird"});
  EXPECT_THAT(Read(), StatusIs(kUsage, HasSubstr("--leave_out=bird")));
  arguments_.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"*/0.png"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(content.items.size(), 6);
}

TEST_F(FolderLayoutTest, FoldersWithoutImagesBesideSplitsAreNoClasses) {
  PutImages({"train/cat", "train/dog", "test/cat", "test/dog"});
  Put("__MACOSX/train/._0.png", "x");
  Put("annotations/a.xml", "x");
  ASSERT_OK(MakeDirectories(root_ + "/train/bird"));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(Summary(content), "folder train,test cat,dog 16");
  EXPECT_EQ(Notes(),
            "2 folders without an image skipped (annotations, ...)\n"
            "1 hidden files and leftovers of systems skipped (__MACOSX)");
}

TEST_F(FolderLayoutTest, TheTrainOfVocIsAClass) {
  PutImages({"bus", "train", "tvmonitor"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(Summary(content), "folder train bus,train,tvmonitor 12");
  EXPECT_THAT(Notes(), HasSubstr("train/ is taken as a class"));
}

TEST_F(FolderLayoutTest, AnInputThatIsOneFolderTooHighNamesTheOneThatWasMeant) {
  PutImages({"a/photos/cat", "a/photos/dog"});
  EXPECT_THAT(Read(), StatusIs(kBad, HasSubstr("--input=" + root_ + "/a/photos")));
  arguments_.classes = {"a"};
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(Summary(content), "folder train a 8");
}

TEST_F(FolderLayoutTest, AFolderInASplitWithItsNameIsNoClass) {
  PutImages({"train/cat", "train/dog", "test/test"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(Summary(content), "folder train,test cat,dog 12");
  EXPECT_FALSE(content.items.back().label.has_value());
  EXPECT_EQ(content.items.back().key, "test/test/3.png");
  EXPECT_THAT(Notes(), HasSubstr("test/test/ repeats the name of its split"));
}

TEST_F(FolderLayoutTest, TheOnlyFolderOfASplitThatTrainDoesNotHaveIsForTheUserToDecide) {
  PutImages({"train/cat", "train/dog", "val/images"});
  EXPECT_THAT(Read(), StatusIs(kBad, AllOf(HasSubstr("val/images is the only folder"),
                                           HasSubstr("--val=" + root_ + "/val/images"))));
  PutImages({"val/dog"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "dog", "images"));
}

TEST_F(FolderLayoutTest, AFolderInASplitWithTheNameOfThatFolderIsNoClass) {
  PutImages({"training_set/training_set/cat", "training_set/training_set/dog"});
  arguments_.inputs = {{"train", root_ + "/training_set"}};
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "dog"));
  EXPECT_THAT(Notes(), HasSubstr("training_set/training_set/ repeats the name of its split"));
}

TEST_F(FolderLayoutTest, LinksAreFollowedAndLoopsNamed) {
  PutImages({"set/cat", "dogs"});
  ASSERT_EQ(symlink("../dogs", (root_ + "/set/dog").c_str()), 0);
  ASSERT_EQ(symlink("..", (root_ + "/set/cat/up").c_str()), 0);
  ASSERT_EQ(symlink("../set/cat", (root_ + "/dogs/c").c_str()), 0);
  arguments_.inputs = {{"", root_ + "/set"}};
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(Summary(content), "folder train cat,dog 8");
  EXPECT_EQ(Notes(),
            "1 link loops not followed: links to a folder above them (cat/up)\n"
            "1 links not followed: their folder is read at another place (dog/c)");
}

TEST_F(FolderLayoutTest, ALoopBesideSplitsOrCalledAsOneIsNoFolder) {
  PutImages({"train/cat", "train/dog", "test/cat", "test/dog"}, 1);
  ASSERT_EQ(symlink("..", (root_ + "/more").c_str()), 0);
  ASSERT_EQ(symlink(".", (root_ + "/val").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.splits, ElementsAre("train", "test"));
  EXPECT_EQ(Notes(), "2 link loops not followed: links to a folder above them (more, ...)");
}

TEST_F(FolderLayoutTest, PipesBesideFoldersAreNotWaitedFor) {
  PutImages({"cat", "dog"}, 1);
  for (const char* name : {"labels.csv", "all.tar", "train-images-idx3-ubyte", "control"}) {
    ASSERT_EQ(mkfifo(JoinPath(root_, name).c_str(), 0600), 0);
  }
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(content.items.size(), 2);
  EXPECT_EQ(Notes(), "4 pipes, sockets and devices skipped (all.tar, ...)");
  ASSERT_OK(RemoveAll(root_));
  PutImages({"train/cat", "test/cat"}, 1);
  ASSERT_EQ(mkfifo((root_ + "/control").c_str(), 0600), 0);
  ASSERT_OK(Read());
  EXPECT_THAT(Notes(), HasSubstr("1 pipes, sockets and devices skipped (control)"));
}

TEST_F(FolderLayoutTest, WherePipesAreAllThatLiesThereNobodyWaits) {
  for (const char* name : {"control", "labels.csv", "all.tar", "data_batch_1.bin", "cat.png"}) {
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(MakeDirectories(root_ + "/cat"));
    ASSERT_EQ(mkfifo(JoinPath(root_, name).c_str(), 0600), 0);
    ASSERT_EQ(mkfifo(JoinPath(root_, absl::StrCat("cat/", name)).c_str(), 0600), 0);
    ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
    EXPECT_TRUE(content.items.empty());
    EXPECT_THAT(Notes(), HasSubstr("2 pipes, sockets and devices skipped"));
    EXPECT_EQ(ForeignFormatAdvice(root_), "");
  }
}

TEST_F(FolderLayoutTest, ABrokenLinkToAnImageIsAnImageThatCannotBeRead) {
  PutImages({"cat", "dog"}, 1);
  ASSERT_EQ(symlink("nowhere", (root_ + "/cat/gone.png").c_str()), 0);
  ASSERT_EQ(mkfifo((root_ + "/cat/pipe.png").c_str(), 0600), 0);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_EQ(content.items.size(), 3);
  EXPECT_THAT(content.items[1].problem, HasSubstr("gone.png"));
  EXPECT_EQ(Notes(), "1 pipes, sockets and devices skipped (cat/pipe.png)");
}

TEST_F(FolderLayoutTest, ListingHearsAnInterruption) {
  PutImages({"cat", "dog"});
  arguments_.interrupted = [] { return true; };
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted")));
}

TEST_F(FolderLayoutTest, NamesOfAnyBytesBecomeKeysThatTellThemApart) {
  PutImages({"d\xF6g"}, 1);
  Put("cat/caf\xE9.png", png_);
  Put("cat/caf\\xE9.png", png_);
  Put("cat/a, b c.png", png_);
  Put("cat/" + std::string(200, 'l') + ".png", png_);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "d\\xF6g"));
  std::vector<std::string> keys;
  for (const SourceItem& item : content.items) {
    keys.push_back(item.key);
    EXPECT_EQ(item.file, png_) << item.key;
  }
  EXPECT_THAT(
      keys,
      ElementsAre("train/cat/a, b c.png", "train/cat/caf\\x5CxE9.png", "train/cat/caf\\xE9.png",
                  "train/cat/" + std::string(200, 'l') + ".png", "train/d\\xF6g/0.png"));
  EXPECT_THAT(Notes(), HasSubstr("3 names escaped"));
}

TEST_F(FolderLayoutTest, TwoFormsOfOneNameAreOneClass) {
  PutImages({"train/caf\xC3\xA9", "test/cafe\xCC\x81", "train/dog"}, 1);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read());
  EXPECT_THAT(content.info.classes(), ElementsAre("caf\xC3\xA9", "dog"));
  EXPECT_EQ(content.items[2].label, 0);
  EXPECT_THAT(Notes(), HasSubstr("1 classes joined"));
}

TEST_F(FolderLayoutTest, NumbersAsClassNamesAreOrderedAsAsked) {
  PutImages({"1", "2", "10"}, 1);
  ASSERT_OK_AND_ASSIGN(const SourceContent bytes, Read());
  EXPECT_THAT(bytes.info.classes(), ElementsAre("1", "10", "2"));
  EXPECT_THAT(Notes(), HasSubstr("--class_order=natural"));
  arguments_.class_order = DatasetLayout::NATURAL;
  ASSERT_OK_AND_ASSIGN(const SourceContent natural, Read());
  EXPECT_THAT(natural.info.classes(), ElementsAre("1", "2", "10"));
  EXPECT_EQ(natural.items[1].key, "train/10/0.png");
  EXPECT_EQ(natural.items[1].label, 2);
  EXPECT_EQ(Notes(), "");
  arguments_.classes = {"1", "2", "10"};
  EXPECT_THAT(Read(), StatusIs(kUsage, HasSubstr("has an order of its own")));
}

// A search through all classes for every image would take minutes.
TEST_F(FolderLayoutTest, TwentyThousandClassesTakeMoments) {
  for (int i = 0; i < 20000; ++i) {
    ASSERT_EQ(mkdir(absl::StrCat(root_, "/", i).c_str(), 0700), 0);
    ASSERT_EQ(symlink("nowhere", absl::StrCat(root_, "/", i, "/0.png").c_str()), 0);
  }
  std::string name;
  ASSERT_OK_AND_ASSIGN(const auto source, OpenSource(DatasetLayout::DETECT, arguments_, &name));
  v1::DatasetInfo info;
  ASSERT_OK(source->Describe(&info));
  EXPECT_EQ(info.classes_size(), 20000);
  EXPECT_EQ(source->size(), 20000);
}

}  // namespace
}  // namespace cassle
