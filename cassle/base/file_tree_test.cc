#include "cassle/base/file_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = FileTree::Kind;

class FileTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ =
        JoinPath(testing::TempDir(), testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(MakeDirectories(root_ + "/set"));
  }
  void Put(const std::string& path) {
    ASSERT_OK(MakeDirectories(DirName(JoinPath(root_, path))));
    std::ofstream(JoinPath(root_, path)) << "x";
  }
  void Link(const std::string& target, const std::string& path) {
    ASSERT_EQ(symlink(target.c_str(), JoinPath(root_, path).c_str()), 0);
  }
  // "path kind" of everything that is not read.
  std::vector<std::string> Others(const FileTree& tree) {
    std::vector<std::string> result;
    for (const FileTree::Other& other : tree.others) {
      result.push_back(absl::StrCat(other.path, " ", static_cast<int>(other.kind)));
    }
    return result;
  }
  std::string Line(const std::string& path, Kind kind) {
    return absl::StrCat(path, " ", static_cast<int>(kind));
  }

  std::string root_;
};

TEST_F(FileTreeTest, FilesAreSortedByTheBytesOfTheirWholePath) {
  for (const char* path : {"set/a/2", "set/a.b", "set/a/10", "set/B/x"}) Put(path);
  ASSERT_OK_AND_ASSIGN(const FileTree tree, ListTree(root_ + "/set"));
  EXPECT_THAT(tree.files, ElementsAre("B/x", "a.b", "a/10", "a/2"));
  EXPECT_THAT(tree.folders, ElementsAre("B", "a"));
  EXPECT_THAT(tree.others, IsEmpty());
}

TEST_F(FileTreeTest, LinksToFilesAndFoldersOutsideAreFollowed) {
  Put("set/cat/0");
  Put("elsewhere/dog/0");
  Link("../elsewhere/dog", "set/dog");
  Link("../../elsewhere/dog/0", "set/cat/1");
  ASSERT_OK_AND_ASSIGN(const FileTree tree, ListTree(root_ + "/set"));
  EXPECT_THAT(tree.files, ElementsAre("cat/0", "cat/1", "dog/0"));
  EXPECT_THAT(tree.folders, ElementsAre("cat", "dog"));
}

TEST_F(FileTreeTest, LinksThatLeadBackAreLoopsAndAFolderIsReadOnce) {
  Put("set/cat/0");
  Put("set/dog/0");
  Link("..", "set/cat/up");
  Link("../../..", "set/cat/far_up");
  Link("../cat", "set/dog/c");
  Link("itself", "set/itself");
  ASSERT_OK_AND_ASSIGN(const FileTree tree, ListTree(root_ + "/set"));
  EXPECT_THAT(tree.files, ElementsAre("cat/0", "dog/0"));
  EXPECT_THAT(Others(tree),
              ElementsAre(Line("cat/far_up", Kind::kLinkLoop), Line("cat/up", Kind::kLinkLoop),
                          Line("dog/c", Kind::kSecondWay), Line("itself", Kind::kLinkLoop)));
}

TEST_F(FileTreeTest, ALoopThroughFoldersOutsideIsFound) {
  Put("set/cat/0");
  Put("data/more/1");
  Link("../../data/more", "set/cat/more");
  Link("../../set", "data/more/back");
  Link("..", "data/more/up");
  ASSERT_OK_AND_ASSIGN(const FileTree tree, ListTree(root_ + "/set"));
  EXPECT_THAT(tree.files, ElementsAre("cat/0", "cat/more/1"));
  EXPECT_THAT(Others(tree), ElementsAre(Line("cat/more/back", Kind::kLinkLoop),
                                        Line("cat/more/up", Kind::kLinkLoop)));
  EXPECT_TRUE(IsLinkLoop(root_ + "/data/more/up"));
  EXPECT_FALSE(IsLinkLoop(root_ + "/set/cat/more"));
  EXPECT_FALSE(IsLinkLoop(root_ + "/set/cat"));
}

// With every path followed to its end there would be 12! of them.
TEST_F(FileTreeTest, FoldersThatAllLinkToEachOtherAreReadOnceEach) {
  for (int i = 0; i < 12; ++i) {
    Put(absl::StrCat("set/", i, "/x"));
    for (int j = 0; j < 12; ++j) Link(absl::StrCat("../", j), absl::StrCat("set/", i, "/to", j));
  }
  ASSERT_OK_AND_ASSIGN(const FileTree tree, ListTree(root_ + "/set"));
  EXPECT_EQ(tree.files.size(), 12);
  EXPECT_EQ(tree.others.size(), 144);
}

TEST_F(FileTreeTest, BrokenLinksAndPipesAreNamed) {
  Put("set/0");
  Link("nowhere", "set/gone.png");
  ASSERT_EQ(mkfifo((root_ + "/set/pipe.png").c_str(), 0600), 0);
  ASSERT_OK_AND_ASSIGN(const FileTree tree, ListTree(root_ + "/set"));
  EXPECT_THAT(tree.files, ElementsAre("0"));
  EXPECT_THAT(Others(tree),
              ElementsAre(Line("gone.png", Kind::kBrokenLink), Line("pipe.png", Kind::kSpecial)));
}

TEST_F(FileTreeTest, WhatIsSkippedIsNotEntered) {
  for (const char* path : {"set/.git/a/b", "set/cat/.x", "set/cat/0"}) Put(path);
  std::vector<std::string> skipped;
  ListTreeOptions options;
  options.skip = [&](const std::string& path, bool folder) {
    if (!absl::StartsWith(BaseName(path), ".")) return false;
    skipped.push_back(absl::StrCat(path, folder ? "/" : ""));
    return true;
  };
  ASSERT_OK_AND_ASSIGN(const FileTree tree, ListTree(root_ + "/set", options));
  EXPECT_THAT(tree.files, ElementsAre("cat/0"));
  EXPECT_THAT(skipped, testing::UnorderedElementsAre(".git/", "cat/.x"));
}

TEST_F(FileTreeTest, AnInterruptionEndsTheListingInTheMiddle) {
  for (int i = 0; i < 100; ++i) Put(absl::StrCat("set/", i));
  int asked = 0;
  ListTreeOptions options;
  options.interrupted = [&] { return ++asked == 50; };
  EXPECT_THAT(ListTree(root_ + "/set", options),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("set was listed")));
  EXPECT_EQ(asked, 50);
}

TEST_F(FileTreeTest, AFolderThatIsNotThereIsNamed) {
  EXPECT_THAT(ListTree(root_ + "/none"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none: No such file")));
}

}  // namespace
}  // namespace cassle
