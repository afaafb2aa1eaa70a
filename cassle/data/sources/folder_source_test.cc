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
std::vector<std::string> KeysAndLabels(const SourceContent& content) {
  std::vector<std::string> result;
  for (const SourceItem& item : content.items) {
    result.push_back(absl::StrCat(
        item.key, "=", item.label.has_value() ? absl::StrCat(*item.label) : std::string("-")));
  }
  return result;
}

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
                                                     HasSubstr("2.webp"))));
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
  PutFile(root + "/list.txt", "x");
  EXPECT_THAT(ReadSource(root + "/list.txt"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("cannot be told"), HasSubstr("webdataset"))));
  SourceArguments arguments;
  arguments.inputs = {{"", root + "/list.txt"}};
  EXPECT_THAT(ReadSource(arguments, v1::DatasetLayout::FOLDER),
              StatusIs(kBad, HasSubstr("an image folder was expected")));
  // A folder below a file: unreadable for root, too.
  EXPECT_THAT(ReadSource(root + "/list.txt/below"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("list.txt/below")));
  EXPECT_THAT(ReadSource(SourceArguments()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--input is missing")));
}

TEST(WebDatasetSourceTest, AFolderOfTarsIsRecognisedWithItsSplitsAndClasses) {
  const std::string root = FreshFolder("tars");
  const std::string png = FlatPng(2, 2, 1, 2, 3);
  PutFile(root + "/test.tar", MakeTar({{"1.png", png}, {"1.cls", "1"}}));
  PutFile(root + "/train-000.tar.gz", Gzip(MakeTar({{"./a/1.jpg", FlatJpeg(2, 2, 9, 9, 9)},
                                                    {"./a/1.cls", "0\n"},
                                                    {"b/1.json", "{}"},
                                                    {"b/2.cls", "cat"},
                                                    {"b/2.hue.cls", "3"},
                                                    {"b/2.png", png}})));
  PutFile(root + "/train-001.tar", MakeTar({{"7.png", png}, {"8.png", png}, {"8.cls", "-1"}}));
  PutFile(root + "/classes.txt", "dog\ncat\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_EQ(content.layout, "webdataset");
  EXPECT_THAT(content.splits, ElementsAre("train", "test"));
  EXPECT_THAT(content.info.classes(), ElementsAre("dog", "cat"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/a/1.jpg=0", "train/b/2.png=1", "train/7.png=-", "train/8.png=-",
                          "test/1.png=1"));
  EXPECT_EQ(content.items[1].file, png);
  ASSERT_EQ(content.items[1].targets.size(), 1);
  EXPECT_EQ(content.items[1].targets[0].name(), "hue");
  EXPECT_EQ(content.items[1].targets[0].class_index(), 3);
  EXPECT_EQ(content.info.targets(0).name(), "hue");
}

TEST(WebDatasetSourceTest, SamplesWithoutAnImageOrWithABadLabelAreQuarantined) {
  const std::string root = FreshFolder("odd_tar");
  PutFile(root + "/photos.tar",
          MakeTar({{"1.cls", "1"}, {"2.png", FlatPng(1, 1, 1, 1, 1)}, {"2.cls", "fish"}}));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root + "/photos.tar"));
  ASSERT_EQ(content.items.size(), 2);
  EXPECT_THAT(content.items[0].problem, HasSubstr("no .jpg"));
  EXPECT_THAT(content.items[1].problem, HasSubstr("'fish', which is neither"));
}

TEST(WebDatasetSourceTest, DamagedTarsAreNamed) {
  const std::string root = FreshFolder("bad_tar");
  const std::string tar = MakeTar({{"1.png", std::string(3000, 'x')}, {"1.cls", "1"}});
  PutFile(root + "/train.tar", tar.substr(0, 2000));
  EXPECT_THAT(ReadSource(root),
              StatusIs(kDamaged, AllOf(HasSubstr("train.tar"), HasSubstr("1.png"))));
  PutFile(root + "/train.tar", "");
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("train.tar: not a readable tar")));
  PutFile(root + "/train.tar", std::string(2000, 'q'));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("train.tar: not a readable tar")));
  const std::string packed = Gzip(MakeTar({{"1.png", FlatPng(60, 60, 1, 2, 3)}}));
  PutFile(root + "/train.tar", packed.substr(0, packed.size() / 2));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("train.tar")));
}

TEST(WebDatasetSourceTest, UnnamedTarsAreTrainButNotBesideNamedOnes) {
  const std::string root = FreshFolder("mixed_tars");
  const std::string tar = MakeTar({{"1.png", FlatPng(1, 1, 1, 1, 1)}});
  PutFile(root + "/photos.tar", tar);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/1.png=-"));
  PutFile(root + "/test.tar", tar);
  EXPECT_THAT(ReadSource(root), StatusIs(kBad, HasSubstr("not named after a split")));
  SourceArguments arguments;
  arguments.inputs = {{"train", root + "/photos.tar"}, {"test", root + "/test.tar"}};
  ASSERT_OK_AND_ASSIGN(const SourceContent named, ReadSource(arguments));
  EXPECT_THAT(named.splits, ElementsAre("train", "test"));
}

TEST(CsvSourceTest, ColumnsAreNamedAndClassesMayBeWords) {
  const std::string root = FreshFolder("csv");
  PutFile(root + "/img/a,b.png", FlatPng(1, 1, 1, 1, 1));
  PutFile(root + "/list.csv",
          "path,label,split,hue,position:2\n"
          "\"img/a,b.png\",dog,test,3,0.5 -1\n"
          "img/missing.png,,,,\n"
          "img/c.png,cat,validation,,1e3 2\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root + "/list.csv"));
  EXPECT_EQ(content.layout, "csv");
  EXPECT_THAT(content.splits, ElementsAre("train", "val", "test"));
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "dog"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/img/missing.png=-", "val/img/c.png=0", "test/img/a,b.png=1"));
  EXPECT_THAT(content.items[0].problem, HasSubstr("missing.png"));
  const SourceItem& item = content.items[2];
  EXPECT_EQ(item.file, FlatPng(1, 1, 1, 1, 1));
  ASSERT_EQ(item.targets.size(), 2);
  EXPECT_EQ(item.targets[0].class_index(), 3);
  EXPECT_THAT(item.targets[1].vector().values(), ElementsAre(0.5, -1));
  EXPECT_EQ(content.info.targets(1).name(), "position");
  EXPECT_EQ(content.info.targets(1).vector_size(), 2);
}

TEST(CsvSourceTest, MistakesAreNamedWithFileAndLine) {
  const std::string root = FreshFolder("bad_csv");
  const std::string path = root + "/list.csv";
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"file,label\na.png,1\n", "list.csv:1: no column is called 'path'"},
      {"path,label\na.png\n", "list.csv:2: 1 cells, but there are 2 columns"},
      {"path,x:2\na.png,1\n", "list.csv:2: column x:2 holds 1 numbers"},
      {"path,x:2\na.png,1 b\n", "list.csv:2: 'b' is no number"},
      {"path,x:zero\na.png,1\n", "column 'x:zero'"},
      {"path,x,x\na.png,1,1\n", "column 'x'"},
      {"path,label\n\"a.png,1\n", "list.csv:2: a quote is not closed"},
      {"path,label\na.png,-2\n", "list.csv:2: '-2' is no class number"},
      {"", "the file has no lines"},
  };
  for (const auto& c : cases) {
    PutFile(path, c.text);
    const auto content = ReadSource(path);
    ASSERT_FALSE(content.ok()) << c.text;
    EXPECT_TRUE(content.status().code() == kBad || content.status().code() == kDamaged) << c.text;
    EXPECT_THAT(std::string(content.status().message()), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace cassle
