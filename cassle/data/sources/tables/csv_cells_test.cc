// What cells of CSV lists mean: numbers, classes, splits, paths.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/testing/status_matchers.h"
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

using CsvCellsTest = CsvListTest;

TEST_F(CsvCellsTest, ATargetOfNumbersIsAbsentWhereItsCellSaysNothing) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,eye:2\ni/0.png,3 4\ni/1.png,\ni/2.png,nan 1\ni/3.png,NA\n"));
  ASSERT_EQ(content.items.size(), 4);
  EXPECT_EQ(content.items[0].targets.size(), 1);
  for (int i = 1; i < 4; ++i) EXPECT_THAT(content.items[i].targets, IsEmpty()) << i;
  EXPECT_THAT(content.sentences, Contains(AllOf(HasSubstr("3 rows without the target eye"),
                                                HasSubstr("(train/i/1.png, ...)"))));
  EXPECT_THAT(Read("path,eye:2\ni/0.png,3 1e999\n"),
              StatusIs(kDamaged, HasSubstr("list.csv:2: eye '1e999' is no finite number")));
}

TEST_F(CsvCellsTest, ColumnsThatSayOfASplitByNumbersOrYesAndNoAreRefused) {
  for (const char* column : {"train", "test", "Valid", "is_train", "isTest", "is_training_img",
                             "partition", "subset", "dataset_split"}) {
    EXPECT_THAT(Read(absl::StrCat("path,label,", column, "\ni/0.png,0,1\ni/1.png,1,0\n")),
                StatusIs(kBad, HasSubstr("seems to say of which split a row is")))
        << column;
  }
  EXPECT_THAT(Read("path,label,test\ni/0.png,0,True\ni/1.png,1,False\n"),
              StatusIs(kBad, HasSubstr("column 'test'")));
  // Measured, or of another kind.
  EXPECT_OK(Read("path,label,test_result\ni/0.png,0,1\ni/1.png,1,0\n"));
  EXPECT_OK(Read("path,label,train\ni/0.png,0,ICE\ni/1.png,1,TGV\n"));
}

TEST_F(CsvCellsTest, NumbersInOneSplitAndNamesInAnotherAreNoClasses) {
  EXPECT_THAT(Read("path,label,split\ni/0.png,0,train\ni/1.png,1,train\ni/2.png,cat,test\n"),
              StatusIs(kDamaged, AllOf(HasSubstr("list.csv:4: the labels of test are names"),
                                       HasSubstr("those of train numbers ('0', "))));
  // A name among numbers may be one of them.
  ASSERT_OK_AND_ASSIGN(
      const SourceContent mixed,
      Read("path,label,split\ni/0.png,0,train\ni/1.png,x,train\ni/2.png,x,test\n"));
  EXPECT_THAT(mixed.sentences, Contains(HasSubstr("so the numbers are names of classes too")));
}

TEST_F(CsvCellsTest, CellsThatAreListsOrHaveAKnownPartAreNoNames) {
  EXPECT_THAT(Read("path,label\ni/0.png,['cat']\n"),
              StatusIs(kDamaged, HasSubstr("is a list, and label the name of a class")));
  EXPECT_THAT(Read("path,label\ni/0.png,cat;dog\ni/1.png,dog\n"),
              StatusIs(kDamaged, HasSubstr("'cat;dog' names several classes")));
}

TEST_F(CsvCellsTest, APlainColumnWithFractionsIsATargetOfOneNumber) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,age\ni/0.png,3\ni/1.png,2.5\ni/2.png,\n"));
  EXPECT_EQ(content.info.targets(0).vector_size(), 1);
  EXPECT_THAT(content.items[1].targets[0].vector().values(), ElementsAre(2.5));
  EXPECT_THAT(content.sentences, Contains(HasSubstr("age: the numbers have fractions")));
  EXPECT_THAT(Read("path,label\ni/0.png,2.5\n"),
              StatusIs(kDamaged, HasSubstr("list.csv:2: label '2.5' is no class")));
}

TEST_F(CsvCellsTest, DecimalCommasAreNumbersAndUnclearOnesAreNot) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path;age;eye:2\ni/0.png;1,5;0,25 3\ni/1.png;2;1 2\n"));
  ASSERT_EQ(content.items[0].targets.size(), 2);
  EXPECT_THAT(content.items[0].targets[0].vector().values(), ElementsAre(1.5));
  EXPECT_THAT(content.items[0].targets[1].vector().values(), ElementsAre(0.25, 3));
  EXPECT_THAT(content.sentences, Contains("age: commas are taken for decimal points"));
  EXPECT_THAT(content.sentences, Contains("eye: commas are taken for decimal points"));
  EXPECT_THAT(Read("path;label\ni/0.png;1,0\ni/1.png;2\n"),
              StatusIs(kDamaged, HasSubstr("list.csv:2: label '1,0' is no class")));
  for (const char* cell : {"1,500", "1.234,5", "1,2,3", "2'000"}) {
    const std::string text = absl::StrCat("path;COLUMN\ni/0.png;", cell, "\ni/1.png;2\n");
    EXPECT_THAT(Read(absl::StrReplaceAll(text, {{"COLUMN", "label"}})),
                StatusIs(kDamaged, HasSubstr(absl::StrCat("list.csv:2: label '", cell,
                                                          "' can be read as one number or"))));
    // Nobody may want a further column.
    ASSERT_OK_AND_ASSIGN(const SourceContent further,
                         Read(absl::StrReplaceAll(text, {{"COLUMN", "weight"}})));
    EXPECT_THAT(further.info.targets(), IsEmpty());
    EXPECT_THAT(further.sentences, Contains(HasSubstr("the column weight is not read: ")));
  }
}

TEST_F(CsvCellsTest, NegativeNumbersOfAFurtherColumnAreMeasured) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read("path,t\ni/0.png,-5\ni/1.png,3\n"));
  EXPECT_THAT(content.items[0].targets.at(0).vector().values(), ElementsAre(-5));
  EXPECT_THAT(content.sentences, Contains(HasSubstr("t: the numbers have fractions or are neg")));
}

TEST_F(CsvCellsTest, AFurtherColumnWithoutTwoEqualCellsIsNotRead) {
  std::string text = "path,label,caption\n";
  for (int i = 0; i < 20; ++i) absl::StrAppend(&text, "i/", i, ".png,", i % 2, ",text ", i, "\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(text));
  EXPECT_THAT(content.info.targets(), IsEmpty());
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("the column caption is not read: every")));
  ASSERT_OK_AND_ASSIGN(const SourceContent twice, Read(absl::StrCat(text, "i/x.png,0,text 3\n")));
  EXPECT_EQ(twice.info.targets_size(), 1);
  ASSERT_OK_AND_ASSIGN(const SourceContent label, Read(text, "caption"));
  EXPECT_THAT(label.sentences, Contains("label: every row has a class of its own"));
}

TEST_F(CsvCellsTest, OneHotColumnsAreProposedAndTakenAsLabels) {
  const std::string text = "path,cat,dog,owl\ni/0.png,0,1,0\ni/1.png,1.0,0,0\n";
  ASSERT_OK_AND_ASSIGN(const SourceContent seen, Read(text));
  EXPECT_THAT(KeysAndLabels(seen), ElementsAre("train/i/0.png=-", "train/i/1.png=-"));
  EXPECT_THAT(seen.sentences,
              ElementsAre(AllOf(HasSubstr("so images have none; 'cat' to 'owl' look like one-hot"),
                                HasSubstr("(--label_from=cat,dog,owl makes them the label)"))));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(text, "cat,dog,owl"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=1", "train/i/1.png=0"));
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "dog"));
  EXPECT_THAT(content.info.targets(), IsEmpty());
  EXPECT_THAT(content.sentences, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const SourceContent none, Read("path,a,b\ni/0.png,0,\n", "a,b"));
  EXPECT_THAT(KeysAndLabels(none), ElementsAre("train/i/0.png=-"));
  EXPECT_THAT(Read("path,a,b\ni/0.png,1,1\n", "a,b"),
              StatusIs(kDamaged, HasSubstr("list.csv:2: a and b are both 1")));
  EXPECT_THAT(Read("path,a,b\ni/0.png,2,0\n", "a,b"),
              StatusIs(kDamaged, HasSubstr("list.csv:2: column a of the labels is '2', not 0 or")));
  EXPECT_THAT(Read(text, "cat,cow"), StatusIs(kBad, HasSubstr("no column is called 'cow'")));
}

TEST_F(CsvCellsTest, CellsOfSeveralClassesAreRefusedOrSpokenOf) {
  for (const char* cell : {"cat;dog", "cat | dog", "\"cat, dog\"", "dog/cat/dog", "cat dog",
                           "cat+dog", "\"[1, 0]\""}) {
    EXPECT_THAT(
        Read(absl::StrCat("path,label\ni/0.png,cat\ni/1.png,dog\ni/2.png,", cell, "\n")),
        StatusIs(kDamaged, AllOf(HasSubstr("list.csv:4: '"), HasSubstr("names several classes"))))
        << cell;
  }
  ASSERT_OK_AND_ASSIGN(const SourceContent one,
                       Read("path,label\ni/0.png,salt/pepper\ni/1.png,salt\ni/2.png,a;b\n"));
  EXPECT_THAT(one.info.classes(), ElementsAre("a;b", "salt", "salt/pepper"));
  EXPECT_THAT(one.sentences,
              ElementsAre("1 names with ; or | in label taken for one class each (a;b)"));
}

TEST_F(CsvCellsTest, YesAndNoAreTheSameInEveryCase) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label\ni/0.png,True\ni/1.png,true\ni/2.png,FALSE\n"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/i/0.png=1", "train/i/1.png=1", "train/i/2.png=0"));
  EXPECT_THAT(content.info.classes(), ElementsAre("false", "true"));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("taken for false and true")));
  ASSERT_OK_AND_ASSIGN(const SourceContent once, Read("path,label\ni/0.png,True\ni/1.png,False\n"));
  EXPECT_THAT(once.info.classes(), ElementsAre("False", "True"));
  EXPECT_THAT(once.sentences, IsEmpty());
}

TEST_F(CsvCellsTest, ASplitOfAnOddNameIsRefusedUnlessItIsAskedFor) {
  const std::string text = "path,split\ni/0.png,train\ni/1.png,TEST\ni/2.png,holdout\n";
  EXPECT_THAT(Read(text),
              StatusIs(kBad, AllOf(HasSubstr("list.csv:4: 'holdout' is none of the splits train,"),
                                   HasSubstr("--splits=holdout,..."))));
  SourceArguments arguments;
  arguments.inputs = {{"", root_ + "/list.csv"}};
  arguments.odd_splits = true;
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(arguments));
  EXPECT_THAT(content.splits, ElementsAre("train", "test", "holdout"));
}

TEST_F(CsvCellsTest, ANameWithoutAnEndingIsThatOfTheFileBesideIt) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read("image_id,label\ni/0,a\ni/1,b\n"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=0", "train/i/1.png=1"));
  EXPECT_EQ(content.items[0].problem, "");
  EXPECT_THAT(content.sentences,
              Contains("2 paths without an ending taken for those of .png (i/0, ...)"));
}

TEST_F(CsvCellsTest, RowsWithoutASplitAndHeadersInTheMiddleAreCounted) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,split\ni/0.png,\n\xef\xbb\xbfpath,split\ni/1.png,val\n"));
  EXPECT_THAT(content.splits, ElementsAre("train", "val"));
  EXPECT_THAT(content.sentences,
              ElementsAre("1 rows that repeat the names of the columns skipped (list.csv:3)",
                          "1 rows without a split taken for train (i/0.png)"));
}

TEST_F(CsvCellsTest, MinusOneAndOneAloneAreTwoClasses) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label,young\ni/0.png,-1,-1\ni/1.png,1,1\ni/2.png,,-1\n"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/i/0.png=0", "train/i/1.png=1", "train/i/2.png=-"));
  EXPECT_THAT(content.info.classes(), ElementsAre("-1", "1"));
  EXPECT_EQ(content.items[2].targets.at(0).class_index(), 0);
  EXPECT_THAT(content.sentences, Contains("young: -1 and 1 are taken for two classes"));
  // Beside other numbers, -1 is none.
  ASSERT_OK_AND_ASSIGN(const SourceContent none, Read("path,label\ni/0.png,-1\ni/1.png,0\n"));
  EXPECT_THAT(KeysAndLabels(none), ElementsAre("train/i/0.png=-", "train/i/1.png=0"));
}

TEST_F(CsvCellsTest, SplitsAreFoundInAnotherColumnOrSpokenOf) {
  for (const char* name : {"Split", "subset", "phase", "whatever"}) {
    ASSERT_OK_AND_ASSIGN(
        const SourceContent content,
        Read(absl::StrCat("path,label,", name, "\ni/0.png,0,Train\ni/1.png,1,test\n")));
    EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=0", "test/i/1.png=1")) << name;
    EXPECT_THAT(content.info.targets(), IsEmpty());
    EXPECT_THAT(
        content.sentences,
        ElementsAre(absl::StrCat("list.csv: the splits are those of the column '", name, "'")));
  }
  EXPECT_THAT(
      Read("path,Usage\ni/0.png,Training\ni/1.png,PublicTest\n"),
      StatusIs(kBad, HasSubstr("list.csv:1: column 'Usage' holds in part names of splits")));
  EXPECT_THAT(Read("path,set,mode\ni/0.png,train,test\n"),
              StatusIs(kBad, HasSubstr("column 'mode' and another hold names of splits")));
  EXPECT_THAT(Read("path,label,is_train\ni/0.png,0,1\n"),
              StatusIs(kBad, HasSubstr("column 'is_train' seems to say of which split a row is")));
  // A train is a thing, too.
  ASSERT_OK_AND_ASSIGN(const SourceContent things, Read("path,what\ni/0.png,train\ni/1.png,car\n"));
  EXPECT_THAT(things.splits, ElementsAre("train"));
  EXPECT_EQ(things.info.targets_size(), 1);
}

TEST_F(CsvCellsTest, AnOddCellAmongNumbersIsSaidOrRefused) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label\ni/0.png,0\ni/1.png,1\ni/2.png,x\n"));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("label: 'x' is no number (")));
  ASSERT_OK_AND_ASSIGN(const SourceContent target, Read("path,age\ni/0.png,33.5\ni/1.png,inf\n"));
  EXPECT_THAT(target.info.targets(), IsEmpty());
  EXPECT_THAT(target.sentences, Contains(HasSubstr("the column age is not read: ")));
}

TEST_F(CsvCellsTest, BlanksInQuotesMakeNoOtherClass) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label\ni/0.png,\"cat \"\ni/1.png,cat\n"));
  EXPECT_THAT(content.info.classes(), ElementsAre("cat"));
  EXPECT_THAT(content.sentences, IsEmpty());
}

TEST_F(CsvCellsTest, ImagesInAFolderBelowAreFoundForTheMessage) {
  EXPECT_THAT(Read("path,label\n0.png,a\n"),
              StatusIs(kBad, AllOf(HasSubstr("list.csv:2: there is no "),
                                   HasSubstr("give --image_root="), HasSubstr("/i"))));
}

TEST_F(CsvCellsTest, WholeNumbersOfAFurtherColumnAreClassesWithAWord) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("path,label,x\ni/0.png,a,3\ni/1.png,b,5\n"));
  EXPECT_EQ(content.items[0].targets.at(0).class_index(), 3);
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("x: whole numbers are taken for classes")));
}

TEST_F(CsvCellsTest, AnAddressOnTheNetIsRefused) {
  for (const char* address : {"http://e.org/1.png", "s3://bucket/1.png"}) {
    EXPECT_THAT(Read(absl::StrCat("path,label\n", address, ",1\n")),
                StatusIs(kDamaged, HasSubstr("is an address on the net: download the images")));
  }
  EXPECT_THAT(Read("path,label\nfile:///data/1.png,1\n"),
              StatusIs(kDamaged, HasSubstr("is an address of a file: write its path alone")));
}

TEST_F(CsvCellsTest, CommentsAtTheTopAreSkippedAndAHeaderAloneIsSaid) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read("# made by hand\n#\npath;label\ni/0.png;1\n"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/i/0.png=1"));
  EXPECT_THAT(content.sentences,
              ElementsAre("list.csv: 2 lines that begin with # are skipped at the top"));
  EXPECT_THAT(Read("path,label\n"),
              StatusIs(kBad, HasSubstr("list.csv: only the line that names the columns")));
}

}  // namespace
}  // namespace cassle
