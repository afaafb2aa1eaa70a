// Which folders of an archive are classes, and which names are those of images: as on the disk.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
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

using Members = std::vector<std::pair<std::string, std::string>>;

std::string Png() { return FlatPng(1, 1, 1, 1, 1); }

Members Images(const std::vector<std::string>& names) {
  Members members;
  for (const std::string& name : names) members.emplace_back(name, Png());
  return members;
}

std::string TestFolder() {
  return FreshFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
}

absl::StatusOr<SourceContent> Read(const Members& members, const std::string& label_from = "") {
  const std::string root = TestFolder();
  PutFile(root + "/photos.tar", MakeTar(members));
  SourceArguments arguments;
  arguments.inputs = {{"", root + "/photos.tar"}};
  arguments.label_from = label_from;
  return ReadSource(arguments);
}

TEST(ArchiveFoldersTest, SplitsInsideClassesAreSplits) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read(Images({"d/cat/train/0.png", "d/dog/test/1.png", "d/cat/test/2.png"})));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/cat/0.png=0", "test/dog/1.png=1", "test/cat/2.png=0"));
  EXPECT_THAT(content.sentences, Contains(HasSubstr("splits are the folders inside the class")));
  EXPECT_THAT(Read(Images({"cat/train/0.png", "dog/test/1.png", "bird/2.png"})),
              StatusIs(kBad, HasSubstr("--leave_out=bird/2.png")));
}

TEST(ArchiveFoldersTest, WhatMayBeSplitsIsForTheUserToDecideAsOnDisk) {
  const std::vector<std::string> sets[] = {{"train1/0.png", "test1/1.png", "sample/2.png"},
                                           {"pos/train/0.png", "pos/test/1.png", "neg/2.png"}};
  for (const std::vector<std::string>& names : sets) {
    EXPECT_THAT(Read(Images(names)), StatusIs(kBad, HasSubstr("may be splits"))) << names[0];
  }
  EXPECT_THAT(Read(Images({"d/yes/0.png", "d/no/1.png", "d/b/yes/2.png", "d/b/no/3.png"})),
              StatusIs(kBad, HasSubstr("--leave_out=d/b")));
}

TEST(ArchiveFoldersTest, FoldersOfTheSameNamesInsideAreForTheUserToDecide) {
  const Members members = Images({"a/cat/0.png", "a/dog/1.png", "b/cat/2.png"});
  EXPECT_THAT(Read(members), StatusIs(kBad, AllOf(HasSubstr("photos.tar: a/, b/ hold folders"),
                                                  HasSubstr("--label_from=parent"))));
  ASSERT_OK_AND_ASSIGN(const SourceContent top, Read(members, "folder"));
  EXPECT_THAT(top.info.classes(), ElementsAre("a", "b"));
  ASSERT_OK_AND_ASSIGN(const SourceContent parent, Read(members, "parent"));
  EXPECT_THAT(KeysAndLabels(parent),
              ElementsAre("train/a/cat/0.png=0", "train/a/dog/1.png=1", "train/b/cat/2.png=0"));
  EXPECT_THAT(Read(Images({"d/images/0.png", "d/masks/0.png"})),
              StatusIs(kBad, HasSubstr("--leave_out=d/masks")));
}

TEST(ArchiveFoldersTest, NamesSayTheClassIfAsked) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read(Images({"set/cat.0.png", "set/dog.1.png"}), "name"));
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "dog"));
}

TEST(ArchiveFoldersTest, TheOnlyFolderOfAnArchiveIsAClassIfAnotherArchiveHasIt) {
  const std::string root = TestFolder();
  PutFile(root + "/train.tar", MakeTar(Images({"d/cat/0.png", "d/dog/1.png"})));
  PutFile(root + "/test.tar", MakeTar(Images({"d/dog/2.png", "d/dog/3.png"})));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/cat/0.png=0", "train/dog/1.png=1",
                                                  "test/dog/2.png=1", "test/dog/3.png=1"));
}

TEST(ArchiveFoldersTest, TheOnlyFolderOfTheOnlyArchiveIsNoClassUnlessAskedAndThatIsSaid) {
  const Members members = Images({"photos/0.png", "photos/1.png"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(members));
  EXPECT_THAT(KeysAndLabels(content), Contains("train/photos/0.png=-"));
  EXPECT_THAT(content.sentences,
              ElementsAre("all images of photos.tar lie in photos/, which is taken for no class: "
                          "--label_from=folder makes it one"));
  ASSERT_OK_AND_ASSIGN(const SourceContent asked, Read(members, "folder"));
  EXPECT_THAT(KeysAndLabels(asked), Contains("train/photos/0.png=0"));
  EXPECT_THAT(Read(Images({"0.png"}), "folder"), StatusIs(kBad, HasSubstr("lies in a folder")));
}

TEST(ArchiveFoldersTest, LooseImagesBesideFoldersInAnotherArchiveAreNamedAsTheyStandThere) {
  const std::string root = TestFolder();
  PutFile(root + "/train.tar", MakeTar(Images({"train/cat/0.png", "train/dog/1.png"})));
  PutFile(root + "/test.tar", MakeTar(Images({"test/0.png", "test/1.png"})));
  EXPECT_THAT(ReadSource(root),
              StatusIs(kBad, AllOf(HasSubstr("test.tar: 'test/0.png' lies in no folder"),
                                   HasSubstr("train.tar: 'train/cat/0.png' does"))));
}

TEST(ArchiveFoldersTest, SeveralEndingsOfOneNameAreSaid) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(Images({"a.left.png", "a.right.png"})));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("(.left.png, .right.png)")));
  ASSERT_OK_AND_ASSIGN(const SourceContent numbers, Read(Images({"IMG.1.png", "IMG.2.png"})));
  EXPECT_THAT(numbers.sentences, Not(Contains(HasSubstr("several endings"))));
}

TEST(ArchiveFoldersTest, MembersWhoseNamesSayNothingAreReadByTheirContent) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read({{"v1.0/cat", Png()},
                                                          {"v1.0/cat.cls", "1"},
                                                          {"v1.0/README", "x"},
                                                          {"v1.0/IMG.0002", Png()},
                                                          {"v1.0/IMG.0002.cls", "0"}}));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/v1.0/cat=1", "train/v1.0/IMG.0002=0"));
  EXPECT_EQ(content.items[0].file, Png());
  EXPECT_THAT(content.sentences, Contains(HasSubstr("2 images without an image's ending read")));
}

TEST(ArchiveFoldersTest, ALabelThatCannotBeReadIsNamedNotItsImage) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read({{"0.png", Png()},
                                                          {"0.json", R"({"label": 1})"},
                                                          {"0.txt", "a caption"},
                                                          {"1.png", Png()},
                                                          {"1.json", "{"}}));
  EXPECT_EQ(content.items[1].problem, "it has no label: 1.json is no JSON");
  EXPECT_THAT(content.sentences, Contains("1 members .txt not read (0.txt)"));
}

TEST(ArchiveFoldersTest, AnArchiveIsKnownByItsContentWhateverItsName) {
  const std::string root = TestFolder();
  for (const std::string& bytes : {MakeTar(Images({"0.png"})), Gzip(MakeTar(Images({"0.png"})))}) {
    PutFile(root + "/set.dat", bytes);
    ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root + "/set.dat"));
    EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/0.png=-"));
    EXPECT_THAT(content.sentences, Contains("set.dat is read as an archive: the content decides"));
  }
  for (const std::string& bytes : {std::string("x"), Gzip("x"), std::string()}) {
    PutFile(root + "/set.dat", bytes);
    EXPECT_THAT(ReadSource(root + "/set.dat"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                        HasSubstr("the layout cannot be told")));
  }
}

TEST(ArchiveFoldersTest, OtherFormatsSayWhatToDo) {
  const std::string root = TestFolder();
  const std::pair<const char*, const char*> formats[] = {
      {"a.jsonl", "make a CSV"},  {"a.XLSX", "save it as CSV"},  {"a.npz", "NumPy"},
      {"a.txt", "read as a CSV"}, {"a.mp4", "write its frames"}, {"a.pt", "PyTorch"}};
  for (const auto& [name, advice] : formats) {
    PutFile(root + "/" + name, std::string("PK\x03\x04"));
    EXPECT_THAT(ReadSource(root + "/" + name),
                StatusIs(kBad, AllOf(HasSubstr(name), HasSubstr(advice))));
  }
  PutFile(root + "/photo.png", Png());
  EXPECT_THAT(ReadSource(root + "/photo.png"), StatusIs(kBad, HasSubstr("is one image")));
}

}  // namespace
}  // namespace cassle
