// Image folders, WebDataset tars and CSV lists: layouts of image files.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kDamaged = absl::StatusCode::kDataLoss;

// "key=label" of every item; "-" for none.
TEST(FolderSourceTest, AFolderPerClassIsOneSplitWithClassesByName) {
  const std::string root = FreshFolder("classes");
  PutFile(root + "/dog/b.PNG", FlatPng(2, 2, 1, 2, 3));
  PutFile(root + "/dog/deep/a.jpg", FlatJpeg(2, 2, 1, 2, 3));
  PutFile(root + "/cat/c.jpeg", FlatJpeg(2, 2, 1, 2, 3));
  PutFile(root + "/cat/notes.txt", "no image");
  PutFile(root + "/.hidden/x.jpg", "no image");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_EQ(content.layout, "folder");
  EXPECT_THAT(content.splits, ElementsAre("train"));
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "dog"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/cat/c.jpeg=0", "train/dog/b.PNG=1", "train/dog/deep/a.jpg=1"));
  EXPECT_EQ(content.items[1].file, FlatPng(2, 2, 1, 2, 3));
}

TEST(FolderSourceTest, FoldersNamedAfterSplitsAreSplits) {
  const std::string root = FreshFolder("splits");
  PutFile(root + "/test/dog/1.png", FlatPng(2, 2, 1, 2, 3));
  PutFile(root + "/train/dog/1.png", FlatPng(2, 2, 1, 2, 3));
  PutFile(root + "/train/ant/1.png", FlatPng(2, 2, 1, 2, 3));
  PutFile(root + "/valid/dog/1.png", FlatPng(2, 2, 1, 2, 3));
  PutFile(root + "/unlabeled/1.png", FlatPng(2, 2, 1, 2, 3));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(content.splits, ElementsAre("train", "val", "test", "unlabeled"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/ant/1.png=0", "train/dog/1.png=1", "val/dog/1.png=1",
                          "test/dog/1.png=1", "unlabeled/1.png=-"));
}

TEST(FolderSourceTest, ImagesWithoutClassFoldersHaveNoLabels) {
  const std::string root = FreshFolder("loose");
  PutFile(root + "/1.png", FlatPng(2, 2, 1, 2, 3));
  PutFile(root + "/2.webp", "RIFF");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/1.png=-", "train/2.webp=-"));
  PutFile(root + "/dog/1.png", FlatPng(2, 2, 1, 2, 3));
  EXPECT_THAT(ReadSource(root), StatusIs(kBad, AllOf(HasSubstr("lies beside the class folders"),
                                                     HasSubstr("loose/1.png"))));
}

TEST(FolderSourceTest, GivenClassesDecideTheOrderAndMustBeComplete) {
  const std::string root = FreshFolder("given");
  PutFile(root + "/dog/1.png", FlatPng(2, 2, 1, 2, 3));
  SourceArguments arguments;
  arguments.inputs = {{"val", root}};
  arguments.classes = {"zebra", "dog"};
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(arguments));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("val/dog/1.png=1"));
  arguments.classes = {"zebra"};
  EXPECT_THAT(ReadSource(arguments), StatusIs(kBad, HasSubstr("'dog' is not among")));
}

TEST(FolderSourceTest, AMissingInputIsNotFoundAndAFileWhereAFolderBelongsIsRefused) {
  EXPECT_THAT(ReadSource(std::string("/nowhere/at/all")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere/at/all")));
  const std::string root = FreshFolder("file");
  PutFile(root + "/list.bin", "x");
  EXPECT_THAT(ReadSource(root + "/list.bin"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("cannot be told"), HasSubstr("webdataset"))));
  SourceArguments arguments;
  arguments.inputs = {{"", root + "/list.bin"}};
  EXPECT_THAT(ReadSource(arguments, v1::DatasetLayout::FOLDER),
              StatusIs(kBad, HasSubstr("an image folder was expected")));
  // A folder below a file: unreadable for root, too.
  EXPECT_THAT(ReadSource(root + "/list.bin/below"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("list.bin/below")));
  EXPECT_THAT(ReadSource(SourceArguments()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--input is missing")));
}

}  // namespace
}  // namespace cassle
