// What names tell in archives: the split by the archive's, the label by a member's, and keys.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;

using Members = std::vector<std::pair<std::string, std::string>>;

std::string Png() { return FlatPng(1, 1, 1, 1, 1); }

absl::StatusOr<SourceContent> Read(const Members& members, const std::string& label_from = "",
                                   const std::string& image_from = "") {
  const std::string root =
      FreshFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
  PutFile(root + "/photos.tar", MakeTar(members));
  SourceArguments arguments;
  arguments.inputs = {{"", root + "/photos.tar"}};
  arguments.label_from = label_from;
  arguments.image_from = image_from;
  return ReadSource(arguments);
}

// The splits of a folder of archives of one image each.
std::string SplitsOf(const std::vector<std::string>& names) {
  const std::string root = FreshFolder("named_tars");
  for (const std::string& name : names) {
    PutFile(root + "/" + name, MakeTar({{name + ".png", Png()}}));
  }
  const auto content = ReadSource(root);
  if (!content.ok()) return std::string(content.status().message());
  std::string splits;
  for (const std::string& split : content->splits) absl::StrAppend(&splits, split, " ");
  return splits;
}

TEST(ArchiveNamesTest, AWordOfAnArchivesNameIsItsSplit) {
  EXPECT_EQ(SplitsOf({"imagenet-train-000.tar", "imagenet-val-000.tar"}), "train val ");
  EXPECT_EQ(SplitsOf({"cc_train_0.tar", "cc_test_0.tar"}), "train test ");
  EXPECT_EQ(SplitsOf({"shard-train.tar", "shard-validation.tar"}), "train val ");
  EXPECT_EQ(SplitsOf({"x.train.tar", "x.test.tar"}), "train test ");
  EXPECT_EQ(SplitsOf({"train2017.zip.tar", "val2017.tar"}), "train val ");
  EXPECT_EQ(SplitsOf({"0.tar", "1.tar"}), "train ");
  EXPECT_THAT(
      SplitsOf({"train-test-0.tar", "x.tar"}),
      AllOf(HasSubstr("train-test-0.tar has the names of several splits"), HasSubstr("--train=")));
  EXPECT_THAT(SplitsOf({"x-train.tar", "x-extra.tar"}), HasSubstr("not named after a split"));
}

// Two archives of those members.
absl::StatusOr<SourceContent> ReadTwo(const std::string& one, const Members& of_one,
                                      const std::string& two, const Members& of_two,
                                      const std::vector<std::string>& classes = {}) {
  const std::string root =
      FreshFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
  PutFile(root + "/" + one, MakeTar(of_one));
  PutFile(root + "/" + two, MakeTar(of_two));
  SourceArguments arguments;
  arguments.inputs = {{"", root}};
  arguments.classes = classes;
  return ReadSource(arguments);
}

TEST(ArchiveNamesTest, NumbersInOneArchiveAndNamesInAnotherAreNoClassesOfOneSet) {
  const Members numbers = {{"0.png", Png()}, {"0.cls", "0"}, {"1.png", Png()}, {"1.cls", "1"}};
  const Members names = {{"2.png", Png()}, {"2.cls", "cat"}, {"3.png", Png()}, {"3.cls", "dog"}};
  for (const char* other : {"test.tar", "train-1.tar"}) {
    EXPECT_THAT(ReadTwo("train-0.tar", numbers, other, names),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr(other), HasSubstr("names ('cat' of 2.png)"),
                               HasSubstr("numbers ('0' of 0.png)"), HasSubstr("--classes"))));
  }
  ASSERT_OK_AND_ASSIGN(const SourceContent given,
                       ReadTwo("train.tar", numbers, "test.tar", names, {"cat", "dog"}));
  EXPECT_THAT(KeysAndLabels(given),
              ElementsAre("train/0.png=0", "train/1.png=1", "test/2.png=0", "test/3.png=1"));
  // Both in each may be names.
  const Members both = {{"4.png", Png()}, {"4.cls", "7"}, {"5.png", Png()}, {"5.cls", "x7"}};
  ASSERT_OK_AND_ASSIGN(const SourceContent mixed, ReadTwo("train.tar", both, "test.tar", names));
  EXPECT_THAT(mixed.info.classes(), ElementsAre("7", "cat", "dog", "x7"));
}

TEST(ArchiveNamesTest, FoldersThatAreNoClassesSinceOthersHaveLabelsAreSaid) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       ReadTwo("train-0.tar", {{"set/cat/0.png", Png()}, {"set/dog/1.png", Png()}},
                               "train-1.tar", {{"2.png", Png()}, {"2.cls", "1"}}));
  EXPECT_THAT(content.sentences,
              Contains("2 images without a .cls whose folder is not taken for their class, as "
                       "others have one (--label_from=folder takes folders) (train/set/cat/0.png, "
                       "...)"));
}

TEST(ArchiveNamesTest, KeysHaveTheNameOfTheirArchiveWhereSeveralHaveOneName) {
  const std::string root = FreshFolder("numbered_tars");
  const Members members = {{"0.png", Png()}, {"0.cls", "1"}};
  PutFile(root + "/train-0.tar", MakeTar(members));
  PutFile(root + "/test.tar", MakeTar(members));
  ASSERT_OK_AND_ASSIGN(const SourceContent apart, ReadSource(root));
  EXPECT_THAT(KeysAndLabels(apart), ElementsAre("train/0.png=1", "test/0.png=1"));
  PutFile(root + "/train-1.tar", MakeTar(members));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/train-0.tar/0.png=1", "train/train-1.tar/0.png=1",
                          "test/test.tar/0.png=1"));
  EXPECT_THAT(content.sentences,
              ElementsAre("keys have the name of their archive, as several have images of one name "
                          "(train/0.png in train-0.tar and train-1.tar)"));
}

TEST(ArchiveNamesTest, ALabelMayBeNamedAfterTheWholeImage) {
  for (const char* extension : {"cls", "txt", "json"}) {
    const bool json = std::string(extension) == "json";
    ASSERT_OK_AND_ASSIGN(
        const SourceContent content,
        Read({{"a/0.png", Png()},
              {absl::StrCat("a/0.png.", extension), json ? R"({"label": 1})" : "1"},
              {"a/1.png", Png()},
              {absl::StrCat("a/1.png.", extension), json ? R"({"label": 0})" : "0"}}));
    EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/a/0.png=1", "train/a/1.png=0"));
    EXPECT_EQ(content.info.targets_size(), 0) << extension;
  }
  ASSERT_OK_AND_ASSIGN(
      const SourceContent target,
      Read({{"0.png", Png()}, {"0.png.hue.cls", "2"}, {"0.jpg", Png()}, {"0.jpg.hue.cls", "1"}},
           "none", "png"));
  ASSERT_EQ(target.info.targets_size(), 1);
  EXPECT_EQ(target.info.targets(0).name(), "hue");
  EXPECT_THAT(target.sentences, Contains("1 labels of images that are not read (0.jpg.hue.cls)"));
  EXPECT_THAT(Read({{"0.png", Png()}, {"0.cls", "0"}, {"0.png.cls", "1"}}),
              StatusIs(kBad, AllOf(HasSubstr("'0.png.cls' is a second .cls of '0.png'"),
                                   HasSubstr("--leave_out=0.png.cls"))));
}

TEST(ArchiveNamesTest, MasksOfASampleAreSaid) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read({{"0.png", Png()}, {"0.mask.png", Png()}, {"0.cls", "1"}}));
  EXPECT_THAT(content.sentences, Contains(AllOf(HasSubstr("1 of the images are named as masks"),
                                                HasSubstr("--leave_out='*.mask.png'"))));
}

}  // namespace
}  // namespace cassle
