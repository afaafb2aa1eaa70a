// CSV lists as people have them.
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/data/sources/tables/csv_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using CsvSourceTest = CsvListTest;

TEST_F(CsvSourceTest, ColumnsAreNamedAndClassesMayBeWords) {
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

TEST_F(CsvSourceTest, MistakesAreNamedWithFileAndLine) {
  const std::string root = FreshFolder("bad_csv");
  const std::string path = root + "/list.csv";
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"what,label\na.png,1\n", "list.csv:1: no column is called 'path'"},
      {"path,label\na.png\n", "list.csv:2: 1 cells, but line 1 names 2 columns"},
      {"path,x:2\na.png,1\n", "list.csv:2: column x:2 holds 1 numbers"},
      {"path,x:2\na.png,1 b\n", "list.csv:2: x 'b' is no number"},
      {"path,x:zero\na.png,1\n", "column 'x:zero'"},
      {"path,x,x\na.png,1,1\n", "list.csv:1: two columns are called 'x': rename or delete one"},
      {"path,:2\na.png,1 1\n", "list.csv:1: column ':2' has no name before its colon"},
      {"path,x:2\na.png,\"0.5,0.3\"\n", "'0.5,0.3' is no number (numbers are separated by blanks)"},
      {"path,label\n\"a.png,1\n", "list.csv:2: a quote is not closed"},
      {"path,label\na.png,-2\n", "list.csv:2: label '-2' is no class: they are numbered from 0"},
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

TEST_F(CsvSourceTest, MarksEncodingsSeparatorsAndLineEndsChangeNothing) {
  const std::vector<std::string> expected = {"train/i/0.png=0", "train/i/1.png=1"};
  for (const std::string& text : {
           std::string("\xef\xbb\xbflabel,path\r\n0,i/0.png\r\n1,i/1.png\r\n"),
           std::string("label;path\n0;i/0.png\n1;i/1.png\n"),
           std::string("label\tpath\r0\ti/0.png\r1\ti/1.png"),
           std::string("label|path\n\n 0 | i/0.png\n\"1\"|\"i/1.png\"\n"),
           // Byte order marks twice and inside quotes; blanks that nobody sees.
           std::string("\xef\xbb\xbf\xef\xbb\xbflabel,path\n0,i/0.png\n1,i/1.png\n"),
           std::string("\"\xef\xbb\xbflabel\",path\n0,i/0.png\n1,i/1.png\n"),
           std::string("label\xc2\xa0,path\n0\xc2\xa0,i/0.png\n\xe2\x80\x8b"
                       "1,i/1.png\xc2\xa0\n"),
           std::string("label,path\n\"0 \",\"i/0.png \"\n1,i/1.png\n"),
       }) {
    ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(text));
    EXPECT_EQ(KeysAndLabels(content), expected) << text;
    EXPECT_THAT(content.info.targets(), IsEmpty());
    EXPECT_THAT(content.sentences, IsEmpty());
  }
  std::string wide;
  for (char c : std::string("label,path\n0,i/0.png\n1,i/1.png\n")) wide += {c, '\0'};
  for (const std::string& text : {wide, "\xff\xfe" + wide}) {
    ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(text));
    EXPECT_EQ(KeysAndLabels(content), expected);
  }
}

TEST_F(CsvSourceTest, ATsvIsAListToo) {
  PutFile(root_ + "/t/test.tsv", "path\tlabel\n../i/0.png\t1\n");
  PutFile(root_ + "/t/train.TSV", "path\tlabel\n../i/1.png\t0\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root_ + "/t"));
  EXPECT_EQ(content.layout, "csv");
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/../i/1.png=0", "test/../i/0.png=1"));
  EXPECT_THAT(content.sentences, ElementsAre("2 images outside of the list's folder "
                                             "(../i/0.png, ...)"));
}

TEST_F(CsvSourceTest, NumbersAreOneClassInAllListsAndEmptyCellsAreNone) {
  PutFile(root_ + "/l/train.csv", "path,label\n../i/0.png,0\n../i/1.png,1\n");
  PutFile(root_ + "/l/test.csv", "path,label\n../i/0.png,0.0\n../i/1.png,1.0\n../i/2.png,\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root_ + "/l"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/../i/0.png=0", "train/../i/1.png=1", "test/../i/0.png=0",
                          "test/../i/1.png=1", "test/../i/2.png=-"));
  EXPECT_THAT(content.info.classes(), IsEmpty());
  EXPECT_THAT(content.sentences,
              Contains(AllOf(HasSubstr("1 rows without a label"), HasSubstr("(test/../i/2.png)"))));
}

TEST_F(CsvSourceTest, PathsOfWindowsAreReadOrSpokenOf) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label\ni\\0.png,0\n.\\i\\1.png,1\n"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=0", "train/./i/1.png=1"));
  EXPECT_EQ(content.items[1].file, FlatPng(1, 1, 1, 1, 1));
  EXPECT_THAT(content.sentences, ElementsAre("backslashes in paths are taken for slashes"));
  for (const char* path : {"C:\\data\\0.png", "d:/data/0.png", "\\\\server\\data\\0.png"}) {
    EXPECT_THAT(Read(absl::StrCat("path\n", path, "\n")),
                StatusIs(kDamaged, AllOf(HasSubstr("list.csv:2: '"), HasSubstr("--image_root"))));
  }
  // A name of Linux may hold one.
  PutFile(root_ + "/i/a\\b.png", FlatPng(2, 2, 2, 2, 2));
  ASSERT_OK_AND_ASSIGN(const SourceContent odd, Read("path\ni/a\\b.png\n"));
  EXPECT_EQ(odd.items[0].file, FlatPng(2, 2, 2, 2, 2));
}

TEST_F(CsvSourceTest, AnAbsolutePathIsReadAndCounted) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read("path\n" + root_ + "/i/0.png\n"));
  EXPECT_EQ(content.items[0].file, FlatPng(1, 1, 1, 1, 1));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("1 images outside of the list's folder")));
}

TEST_F(CsvSourceTest, ColumnsOfOtherNamesAreFoundAskedForOrSpokenOf) {
  ASSERT_OK_AND_ASSIGN(const SourceContent hub, Read("file_name,Label\ni/0.png,b\ni/1.png,a\n"));
  EXPECT_THAT(KeysAndLabels(hub), ElementsAre("train/i/0.png=1", "train/i/1.png=0"));
  EXPECT_THAT(hub.sentences,
              ElementsAre(HasSubstr("the column 'file_name'"), HasSubstr("the column 'Label'")));
  ASSERT_OK_AND_ASSIGN(const SourceContent other, Read("path,class\ni/0.png,b\n"));
  EXPECT_THAT(KeysAndLabels(other), ElementsAre("train/i/0.png=-"));
  EXPECT_THAT(other.sentences, ElementsAre(HasSubstr("--label_from=class makes it the label")));
  ASSERT_OK_AND_ASSIGN(const SourceContent asked,
                       Read("where,path,class,label\ni/0.png,x,b,3\n", "class", "where"));
  EXPECT_THAT(KeysAndLabels(asked), ElementsAre("train/i/0.png=0"));
  EXPECT_THAT(asked.info.classes(), ElementsAre("b"));
  ASSERT_OK_AND_ASSIGN(const SourceContent none, Read("path,label\ni/0.png,b\n", "none"));
  EXPECT_THAT(KeysAndLabels(none), ElementsAre("train/i/0.png=-"));
  EXPECT_THAT(Read("file,image\na.png,b.png\n"),
              StatusIs(kBad, AllOf(HasSubstr("'file' or of 'image'"), HasSubstr("--image_from"))));
}

TEST_F(CsvSourceTest, ImagesOfAColumnWithAnotherNameAreProposedWithTheirFolder) {
  EXPECT_THAT(Read("id,label\ni/0,b\n"),
              StatusIs(kBad, HasSubstr("name images: give --image_from=id")));
  EXPECT_THAT(Read("label,id\nb,0\n"),
              StatusIs(kBad, HasSubstr("--image_from=id --image_root=" + root_ + "/i")));
  std::string pixels = "label";
  for (int i = 0; i < 784; ++i) absl::StrAppend(&pixels, ",pixel", i);
  std::string row = "\n5";
  for (int i = 0; i < 784; ++i) row += ",0";
  EXPECT_THAT(Read(pixels + row + "\n"),
              StatusIs(kBad, HasSubstr("its 785 columns seem to be pixels")));
}

TEST_F(CsvSourceTest, ImagesInPartFoldersAreFoundByTheNamesOfTheList) {
  for (const char* image :
       {"images_part_1/10.jpg", "images_part_1/11.jpg", "images_part_2/20.jpg"}) {
    PutFile(absl::StrCat(root_, "/", image), FlatJpeg(4, 6, 1, 2, 3));
  }
  ASSERT_OK(RemoveAll(root_ + "/i"));
  PutFile(root_ + "/meta.csv", "image,label\n10.jpg,nv\n11.jpg,mel\n20,nv\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root_));
  EXPECT_EQ(content.layout, "csv");
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/images_part_1/10.jpg=1", "train/images_part_1/11.jpg=0",
                          "train/images_part_2/20.jpg=1"));
  PutFile(root_ + "/images_part_2/10.jpg", FlatJpeg(4, 6, 1, 2, 3));
  EXPECT_THAT(ReadSource(root_ + "/meta.csv"),
              StatusIs(kDamaged, HasSubstr("meta.csv:2: '10.jpg' may be images_part_1/10.jpg or "
                                           "images_part_2/10.jpg: write which")));
  // A list that is not understood is no reason to take the parts for classes.
  PutFile(root_ + "/meta.csv", "id,kind\n10,nv\n");
  EXPECT_THAT(ReadSource(root_), StatusIs(kBad, HasSubstr("meta.csv:1: no column is called")));
}

TEST_F(CsvSourceTest, AListThatIsNotUnderstoodNamesTheLayoutWithMostImages) {
  PutFile(root_ + "/list.csv", "id,name\n0,a\n");
  for (int i = 0; i < 8; ++i) {
    PutFile(absl::StrCat(root_, "/data_batch_", i, ".bin"),
            std::string(1, '\1') + std::string(3072, 'x'));
  }
  ASSERT_OK(RemoveAll(root_ + "/i"));
  PutFile(root_ + "/preview.png", FlatPng(1, 1, 1, 1, 1));
  EXPECT_THAT(ReadSource(root_), StatusIs(kBad, HasSubstr("--source=cifar10 reads the images")));
}

TEST_F(CsvSourceTest, PathsInOtherCapitalsOrWithPercentsAreSpokenOf) {
  EXPECT_THAT(Read("path,label\nI/0.PNG,b\n"),
              StatusIs(kBad, HasSubstr("i/0.png: capitals are other letters here")));
  EXPECT_THAT(Read("path,label\ni%2F0.png,b\n"),
              StatusIs(kBad, HasSubstr("i/0.png: write it without the %")));
}

TEST_F(CsvSourceTest, PathsInAnotherFormOfUnicodeOrWithASlashInFrontAreFound) {
  const std::string png = FlatPng(1, 1, 9, 9, 9);
  PutFile(root_ + "/i/cafe\xCC\x81.png", png);
  PutFile(root_ + "/i/th\xC3\xA9.png", png);
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label\ni/caf\xC3\xA9.png,a\ni/the\xCC\x81.png,b\n"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/i/cafe\xCC\x81.png=0", "train/i/th\xC3\xA9.png=1"));
  for (const SourceItem& item : content.items) EXPECT_EQ(item.file, png);
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("the form of Unicode that their files")));
  ASSERT_OK_AND_ASSIGN(const SourceContent slash, Read("path,label\n/i/0.png,a\n"));
  EXPECT_THAT(KeysAndLabels(slash), ElementsAre("train/i/0.png=0"));
  EXPECT_THAT(slash.sentences, ElementsAre("slashes in front of paths are left out"));
}

TEST_F(CsvSourceTest, APipeIsNoImageAndNotWaitedFor) {
  ASSERT_EQ(mkfifo((root_ + "/i/pipe.png").c_str(), 0600), 0);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read("path,label\ni/pipe.png,a\n"));
  EXPECT_THAT(content.items.at(0).problem, HasSubstr("i/pipe.png: it is a pipe"));
}

TEST_F(CsvSourceTest, FoldersCalledAsSplitsSayTheSplitWhereNothingElseDoes) {
  for (const char* name : {"Train/0.png", "Train/1.png", "test/0.png"}) {
    PutFile(root_ + "/i/" + name, FlatPng(1, 1, 9, 9, 9));
  }
  const std::string rows = "i/Train/0.png,a\n./i/Train/1.png,b\ni/test/0.png,a\n";
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read("path,label\n" + rows));
  EXPECT_THAT(content.splits, ElementsAre("train", "test"));
  EXPECT_THAT(
      KeysAndLabels(content),
      ElementsAre("train/i/Train/0.png=0", "train/./i/Train/1.png=1", "test/i/test/0.png=0"));
  EXPECT_THAT(content.sentences,
              Contains(HasSubstr("it is the folder of the image (Train/, test/); "
                                 "--join_splits=train makes one of them")));
  // A column, one row elsewhere, one folder alone.
  ASSERT_OK_AND_ASSIGN(const SourceContent told,
                       Read("path,split\ni/Train/0.png,val\ni/test/0.png,\n"));
  EXPECT_THAT(told.splits, ElementsAre("train", "val"));
  for (const char* other : {"i/0.png,a\n", ""}) {
    ASSERT_OK_AND_ASSIGN(
        const SourceContent train,
        Read(absl::StrCat("path,label\n", *other == 0 ? "i/test/0.png,a\n" : rows, other)));
    EXPECT_THAT(train.splits, ElementsAre("train"));
  }
}

TEST_F(CsvSourceTest, AListOfWindowsWhosePathsAreNotFoundIsSpokenOf) {
  PutFile(root_ + "/i/caf\xC3\xA9.png", FlatPng(1, 1, 9, 9, 9));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read("path,label\ni/caf\xE9.png,a\n"));
  EXPECT_THAT(content.items.at(0).problem,
              AllOf(HasSubstr("the list is not UTF-8"), HasSubstr("iconv -f WINDOWS-1252")));
}

TEST_F(CsvSourceTest, AnImageInTwoSplitsIsCounted) {
  ASSERT_OK_AND_ASSIGN(
      const SourceContent content,
      Read("path,label,split\ni/0.png,b,train\ni/1.png,a,train\ni/0.png,b,test\n"));
  EXPECT_EQ(content.items.size(), 3);
  EXPECT_THAT(content.sentences,
              Contains("1 images that are in several splits (i/0.png in train and test)"));
}

TEST_F(CsvSourceTest, AHeaderThatIsMissingIsSpokenOf) {
  EXPECT_THAT(Read("i/0.png,0\ni/1.png,1\n"),
              StatusIs(kBad, HasSubstr("list.csv:1: the first line is an image already")));
}

TEST_F(CsvSourceTest, ColumnsWithoutANameAndEmptyRowsAreLeftOutAndCounted) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read(",path,label,Unnamed: 3,\n0,i/0.png,1,,\n,,,,\n1,i/1.png,0,,\n"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=1", "train/i/1.png=0"));
  EXPECT_THAT(content.info.targets(), IsEmpty());
  EXPECT_THAT(content.sentences,
              ElementsAre(HasSubstr("column 1 has no name"), HasSubstr("column 4 has no name"),
                          HasSubstr("column 5 has no name"), HasSubstr("1 rows of empty cells")));
  EXPECT_THAT(Read("path,label\n,1\n"),
              StatusIs(kDamaged, HasSubstr("list.csv:2: the path is empty")));
}

TEST_F(CsvSourceTest, AnImageHasOneRow) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label\ni/0.png,1\n./i/0.png,1\ni/1.png,0\n"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=1", "train/i/1.png=0"));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("1 rows that repeat an image left out")));
  EXPECT_THAT(
      Read("path,label\ni/0.png,1\ni/1.png,0\ni/0.png,0\n"),
      StatusIs(kDamaged, AllOf(HasSubstr("list.csv:4: 'i/0.png'"), HasSubstr("list.csv:2"))));
}

TEST_F(CsvSourceTest, ListsBesideThoseOfSplitsAreNamed) {
  for (const char* name : {"train.csv", "test.csv", "sample_submission.csv"}) {
    PutFile(absl::StrCat(root_, "/k/", name), "path,label\n../i/0.png,0\n");
  }
  EXPECT_THAT(
      ReadSource(root_ + "/k"),
      StatusIs(kBad, AllOf(HasSubstr("sample_submission.csv lies beside"),
                           HasSubstr("--leave_out=sample_submission.csv"), HasSubstr("--train="))));
  // The images have no classes of their own: without the lists their labels are lost.
  PutFile(root_ + "/k/train/0.png", FlatPng(8, 8, 1, 2, 3));
  PutFile(root_ + "/k/test/0.png", FlatPng(8, 8, 3, 2, 1));
  EXPECT_THAT(ReadSource(root_ + "/k"),
              StatusIs(kBad, AllOf(HasSubstr("sample_submission.csv lies beside"),
                                   HasSubstr("--source=folder reads the images without"))));
  for (const char* name : {"train_test.csv", "val_test.csv"}) {
    PutFile(absl::StrCat(root_, "/s/", name), "path,label\n../i/0.png,0\n");
  }
  EXPECT_THAT(ReadSource(root_ + "/s"),
              StatusIs(kBad, AllOf(HasSubstr("train_test.csv lies beside val_test.csv"),
                                   HasSubstr("says several splits"))));
  PutFile(root_ + "/m/a.csv", "path\n../i/0.png\n");
  PutFile(root_ + "/m/b.csv", "path\n../i/1.png\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root_ + "/m"));
  EXPECT_EQ(content.items.size(), 2);
  EXPECT_THAT(content.sentences, Contains("2 lists are read as one (a.csv, b.csv)"));
}

TEST_F(CsvSourceTest, BytesThatAreNoUtf8AreEscapedInKeysAndClassesAndFindTheirFiles) {
  const std::string png = FlatPng(1, 1, 9, 9, 9);
  PutFile(root_ + "/i/caf\xE9.png", png);
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label\ni/caf\xE9.png,h\xFChner\ni/0.png,b\n"));
  EXPECT_THAT(content.info.classes(), ElementsAre("b", "h\\xFChner"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/caf\\xE9.png=1", "train/i/0.png=0"));
  EXPECT_EQ(content.items[0].file, png);
  EXPECT_THAT(content.sentences,
              ElementsAre(AllOf(HasSubstr("list.csv: cells escaped"), HasSubstr("iconv")),
                          HasSubstr("1 names escaped")));
  // As keys have it.
  ASSERT_OK_AND_ASSIGN(const SourceContent escaped, Read("path\ni/caf\\xE9.png\n"));
  EXPECT_EQ(escaped.items.at(0).key, "train/i/caf\\xE9.png");
  EXPECT_EQ(escaped.items[0].file, png);
}

TEST_F(CsvSourceTest, TwoFormsOfOneNameAreOneClass) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label\ni/0.png,cafe\xCC\x81\ni/1.png,caf\xC3\xA9\n"));
  EXPECT_THAT(content.info.classes(), ElementsAre("caf\xC3\xA9"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=0", "train/i/1.png=0"));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("1 classes joined")));
}

TEST_F(CsvSourceTest, NamesAreInTheOrderThatIsAskedFor) {
  PutFile(root_ + "/list.csv", "path,label\ni/0.png,car10\ni/1.png,car2\n");
  SourceArguments arguments;
  arguments.inputs = {{"", root_ + "/list.csv"}};
  arguments.class_order = v1::DatasetLayout::NATURAL;
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(arguments));
  EXPECT_THAT(content.info.classes(), ElementsAre("car2", "car10"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=1", "train/i/1.png=0"));
}

TEST_F(CsvSourceTest, RowsAndListsAreLeftOutAsAsked) {
  PutFile(root_ + "/train.csv", "path\ni/0.png\n./j/1.png\nj\\2.png\n");
  PutFile(root_ + "/old.csv", "path\ni/0.png\n");
  SourceArguments arguments;
  arguments.inputs = {{"", root_}};
  arguments.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"j", "old.csv"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(arguments, v1::DatasetLayout::CSV));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=-"));
  EXPECT_THAT(content.sentences, Contains(HasSubstr("3 files and folders left out as asked")));
  arguments.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"old.csv", "k"});
  EXPECT_THAT(ReadSource(arguments, v1::DatasetLayout::CSV),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--leave_out=k")));
}

TEST_F(CsvSourceTest, ReadingHearsAnInterruption) {
  PutFile(root_ + "/list.csv", "path\ni/0.png\ni/1.png\n");
  SourceArguments arguments;
  arguments.inputs = {{"", root_ + "/list.csv"}};
  for (int heard = 1;; ++heard) {
    int asked = 0;
    arguments.interrupted = [&] { return ++asked >= heard; };
    const auto content = ReadSource(arguments);
    if (content.ok()) break;
    EXPECT_THAT(content, StatusIs(absl::StatusCode::kCancelled, HasSubstr("list.csv")));
  }
}

}  // namespace
}  // namespace cassle
