// What can be wrong with lists, and with a choice of classes and splits.
#include <matio.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/shard_encoder_stage.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/stage/stage_main.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

using Options = v1::ShardEncoderOptions;

class ListSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    root_ = FreshFolder(name);
    out_ = FreshFolder(name + "_out");
    for (const char* image : {"cat/1.jpg", "cat/2.jpg", "dog/3.jpg", "dog/4.jpg"}) {
      PutFile(absl::StrCat(root_, "/", image), FlatJpeg(4, 6, 1, 2, 3));
    }
    PutFile(root_ + "/list.txt", "# a comment\n1 cat/1.jpg\n2 cat/2.jpg\n\n3 dog/3.jpg\n");
    PutFile(root_ + "/kinds.txt", "1 train\n2 train\n3 test\n");
  }

  // Encodes with the text of `lists`, and other fields of the options.
  absl::StatusOr<StageOutcome> Encode(const std::string& lists, const std::string& more = "") {
    Options options;
    CASSLE_RETURN_IF_ERROR(ParseTextProto(absl::StrCat("source: LIST lists { ", lists, " } ", more),
                                          "test", &options));
    options.set_input(root_);
    options.set_output(absl::StrCat(out_, "/", ++runs_));
    return RunStage(ShardEncoderInfo(), options, {.threads = 1, .omit_costs = true},
                    RunShardEncoder);
  }

  void ExpectFailure(const std::string& lists, const std::string& more, int exit_code,
                     const std::string& words) {
    const auto outcome = Encode(lists, more);
    EXPECT_EQ(ExitCode(outcome.status()), exit_code) << outcome.status();
    EXPECT_THAT(std::string(outcome.status().message()), HasSubstr(words));
  }

  // Numbers of images by split, as the stage says them.
  std::string Counts(const std::string& lists, const std::string& more = "") {
    const auto outcome = Encode(lists, more);
    EXPECT_OK(outcome.status());
    return outcome.ok() ? outcome->manifest.result_json() : "";
  }

  // The images of train.
  std::vector<std::string> TrainKeys(const std::string& lists, const std::string& more = "") {
    EXPECT_OK(Encode(lists, more));
    const auto train = Dataset::Open(absl::StrCat(out_, "/", runs_), "train");
    EXPECT_OK(train.status());
    std::vector<std::string> keys;
    v1::ImageRecord record;
    for (int64_t i = 0; train.ok() && i < (*train)->size(); ++i) {
      EXPECT_OK((*train)->Read(i, &record));
      keys.push_back(record.key());
    }
    return keys;
  }

  std::string root_, out_;
  int runs_ = 0;
};

constexpr char kGood[] = "images { list: 'list.txt' skip_lines: 1 path: '{2}' label: '{dir:2}' }";

TEST_F(ListSourceTest, LinesAreChosenAndJoined) {
  EXPECT_THAT(Counts(kGood), HasSubstr("\"images\":3,"));
  EXPECT_THAT(Counts("images { list: 'list.txt' skip_lines: 1 first: 2 last: 3 path: '{2}' "
                     "join { list: 'kinds.txt' } split: '{3}' }"),
              AllOf(HasSubstr("\"name\":\"train\",\"images\":1,"),
                    HasSubstr("\"name\":\"test\",\"images\":1,")));
}

TEST_F(ListSourceTest, WrongListsAreNamed) {
  ExpectFailure("", "", 64, "lists { images");
  ExpectFailure("images { list: 'none.txt' }", "", 66, "none.txt");
  // The comment is no image.
  ExpectFailure("images { list: 'list.txt' path: '{2}' label: '{dir:4}' }", "", 65,
                "list.txt:1: {dir:4} is asked for, but 3 fields are there");
  ExpectFailure("images { list: 'list.txt' skip_lines: 1 path: '{2' }", "", 64, "not closed");
  ExpectFailure("images { list: 'list.txt' skip_lines: 1 path: '{up:2}' }", "", 64, "{up:2}");
  ExpectFailure("images { list: 'list.txt' join { list: 'kinds.txt' } }", "", 65,
                "kinds.txt has no line for '#'");
  ExpectFailure(
      "images { list: 'list.txt' skip_lines: 1 path: '{2}' split: '{1}' "
      "split_names: '1=train' }",
      "", 65, "split_names does not say which split '2' is");
  ExpectFailure("images { list: 'list.txt' skip_lines: 1 path: '{2}' label: '{1}' label_from: 2 }",
                "", 65, "'1' is no class number from 2");
  ExpectFailure("images { list: 'list.txt' skip_lines: 1 path: '{2}' targets { values: '1' } }", "",
                64, "a target needs a name");
  ExpectFailure("images { list: 'list.txt:x' }", "", 66, "list.txt:x");
  PutFile(root_ + "/kinds.txt", "1 train\n2 train\n1 test\n3 test\n");
  ExpectFailure("images { list: 'list.txt' skip_lines: 1 join { list: 'kinds.txt' } }", "", 65,
                "kinds.txt:3: '1' is listed twice, with other fields before");
}

TEST_F(ListSourceTest, AnImageOutsideOfClassFoldersHasNoClassOfADot) {
  PutFile(root_ + "/preview.jpg", FlatJpeg(4, 6, 1, 2, 3));
  PutFile(root_ + "/list.txt", "cat/1.jpg\n/preview.jpg\n");
  const std::string folder = "images { list: './' label: '{dir:1}' }";
  const std::string list = "images { list: 'list.txt' label: '{dir:1}' }";
  ExpectFailure(folder, "", 65, "'preview.jpg' lies in no folder, which {dir:1} asks for");
  ExpectFailure(list, "", 65, "list.txt:2: '/preview.jpg' lies in no folder");
  EXPECT_THAT(Counts(folder, "leave_out: 'preview.jpg'"), HasSubstr("\"images\":4,"));
  EXPECT_THAT(Counts(list, "leave_out: 'preview.jpg'"), HasSubstr("\"images\":1,"));
}

TEST_F(ListSourceTest, AnImageHasOneRowInASplit) {
  PutFile(root_ + "/list.txt", "cat/1.jpg cat\ncat/2.jpg cat\ncat//1.jpg dog\n");
  const std::string train = "images { list: 'list.txt' label: '{2}' } ";
  ExpectFailure(train, "", 65, "list.txt:3: 'cat//1.jpg' is the image of");
  // A row that says nothing new is no second image, nor is it drawn for another split.
  PutFile(root_ + "/list.txt", "cat/1.jpg cat\ncat/2.jpg cat\ncat/1.jpg cat\n");
  for (const std::string& more : {train, train + train, train + "draw { train: 0.5 }"}) {
    ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(more));
    EXPECT_THAT(outcome.manifest.result_json(), HasSubstr("\"images\":2,"));
    EXPECT_THAT(outcome.manifest.notes(),
                Contains(HasSubstr("rows that repeat an image left out (cat/1.jpg")));
  }
}

TEST_F(ListSourceTest, AnImageInSeveralSplitsIsNamed) {
  ASSERT_OK_AND_ASSIGN(
      const StageOutcome outcome,
      Encode(absl::StrCat(kGood, " images { list: 'list.txt' skip_lines: 1 last: 1 path: '{2}' ",
                          "label: '{dir:2}' split: 'test' }"),
             "expect: ['train=3', 'test=1']"));
  EXPECT_THAT(outcome.manifest.notes(),
              Contains("1 images that are in several splits (cat/1.jpg in train and test)"));
}

TEST_F(ListSourceTest, SplitsAreCalledAsTheirWordsMean) {
  PutFile(root_ + "/list.txt", "Train cat/1.jpg\nTEST cat/2.jpg\nvalidation dog/3.jpg\n");
  const std::string lists = "images { list: 'list.txt' path: '{2}' split: '{1}' ";
  const std::string counts = "expect: ['train=1', 'val=1', 'test=1']";
  EXPECT_OK(Encode(lists + "}", counts));
  EXPECT_OK(
      Encode(lists + "split_names: ['Train=training', 'TEST=test', 'validation=dev'] }", counts));
}

TEST_F(ListSourceTest, ASplitOfAnOddNameIsOneThatTheRecipeNames) {
  PutFile(root_ + "/list.txt", "train cat/1.jpg\ntset cat/2.jpg\n");
  const std::string lists = "images { list: 'list.txt' path: '{2}' split: '{1}' ";
  ExpectFailure(lists + "}", "", 65, "list.txt:2: 'tset' is none of the splits train, val, test");
  EXPECT_OK(Encode(lists + "}", "splits: ['train', 'tset'] expect: ['train=1', 'tset=1']"));
  EXPECT_OK(Encode(lists + "}", "join_splits: 'train' expect: 'train=2'"));
  EXPECT_OK(Encode(lists + "split_names: ['train=train', 'tset=holdout'] }",
                   "expect: ['train=1', 'holdout=1']"));
}

TEST_F(ListSourceTest, ClassesOfAListAreNamedOnceEach) {
  const std::string lists =
      "images { list: 'list.txt' skip_lines: 1 path: '{2}' label: '{1}' label_from: 1 "
      "class_names: 'names.txt' }";
  PutFile(root_ + "/names.txt", "0 cat\n1 cow\n2 dog\n\n");
  EXPECT_OK(Encode(lists));
  PutFile(root_ + "/names.txt", "big cat\nsmall cat\ndog\n");
  ExpectFailure(lists, "", 65, "names.txt:2: the class 'cat' is named twice");
  PutFile(root_ + "/names.txt", "cat\n \ndog\n");
  ExpectFailure(lists, "", 65, "names.txt:2: the line is empty, and line k+1 names class k");
}

TEST_F(ListSourceTest, PathsOfFindAndOfWindowsAreThoseOfTheirFilesAndClasses) {
  PutFile(root_ + "/list.txt", "./cat/1.jpg\ncat/2.jpg\ndog\\3.jpg\n");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome,
                       Encode("images { list: 'list.txt' label: '{dir:1}' }", "expect: 'train=3'"));
  EXPECT_THAT(outcome.manifest.notes(), Contains("backslashes in paths are taken for slashes"));
  ASSERT_OK_AND_ASSIGN(const std::string info,
                       ReadFile(absl::StrCat(out_, "/", runs_, "/dataset.textproto")));
  EXPECT_THAT(info, AllOf(HasSubstr("classes: \"cat\"\nclasses: \"dog\"\n"),
                          HasSubstr("class_counts: [2, 1]")));
}

TEST_F(ListSourceTest, ADotOfAFolderBeginsNoEnding) {
  PutFile(root_ + "/i.d/0.jpg", FlatJpeg(4, 6, 1, 2, 3));
  for (const char* path : {"i.d/0\n", "i.d\\0\n", "i.d/0.png\n"}) {
    PutFile(root_ + "/list.txt", path);
    EXPECT_THAT(Counts("images { list: 'list.txt' path: '{stem:1}.jpg' }"),
                HasSubstr("\"images\":1,"));
  }
}

TEST_F(ListSourceTest, PathsInAnotherFormOfUnicodeAreFound) {
  PutFile(root_ + "/cat/cafe\xCC\x81.jpg", FlatJpeg(4, 6, 1, 2, 3));
  PutFile(root_ + "/list.txt", "cat/caf\xC3\xA9.jpg\ncat/1.jpg\n");
  EXPECT_THAT(Counts("images { list: 'list.txt' }"), HasSubstr("\"images\":2,"));
}

TEST_F(ListSourceTest, MatlabFilesThatAreNoneAreNamed) {
  PutFile(root_ + "/a.mat", "no MATLAB file at all");
  ExpectFailure("images { list: 'a.mat:ids' }", "", 65, "a.mat");
  ExpectFailure("images { list: 'b.mat:ids' }", "", 66, "b.mat");
}

std::string Word(uint32_t value) { return std::string(reinterpret_cast<const char*>(&value), 4); }

// A file of version 5 with one row of four labels, as MATLAB, NumPy or Octave writes it; the type
// of elements and the class of arrays as in MATLAB's description.
std::string MatFile(uint32_t type, uint32_t array_class, const std::string& values) {
  const auto element = [](uint32_t kind, std::string data) {
    const std::string tag = Word(kind) + Word(data.size());
    data.resize((data.size() + 7) / 8 * 8);
    return tag + data;
  };
  const std::string array = element(6, Word(array_class) + Word(0)) +
                            element(5, Word(1) + Word(4)) + element(1, "labels") +
                            element(type, values);
  std::string header = "MATLAB 5.0 MAT-file";
  header.resize(124, ' ');
  return header + std::string("\0\1IM", 4) + element(14, array);
}

TEST_F(ListSourceTest, MatlabFilesThatAreCutAreRefused) {
  const double labels[] = {1, 0, 1, 1};
  const std::string whole =
      MatFile(9, 6, std::string(reinterpret_cast<const char*>(labels), sizeof(labels)));
  const std::string list =
      "images { list: 'a.mat:labels' path: 'cat/{1}.jpg' label: '{2}' last: 2 }";
  PutFile(root_ + "/a.mat", whole);
  EXPECT_THAT(Counts(list), HasSubstr("\"images\":2,"));
  for (size_t size = 128; size < whole.size(); ++size) {
    PutFile(root_ + "/a.mat", whole.substr(0, size));
    // The header alone is a file without variables.
    ExpectFailure(list, "", 65,
                  size == 128 ? "no variable 'labels'" : "a.mat: the MATLAB file is cut");
  }
}

TEST_F(ListSourceTest, CompressedMatlabFilesThatAreDamagedAreRefused) {
  const std::string path = root_ + "/a.mat";
  mat_t* file = Mat_CreateVer(path.c_str(), nullptr, MAT_FT_MAT5);
  double labels[] = {1, 0, 1, 1};
  size_t dims[] = {1, 4};
  matvar_t* variable = Mat_VarCreate("labels", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, dims, labels, 0);
  ASSERT_EQ(Mat_VarWrite(file, variable, MAT_COMPRESSION_ZLIB), 0);
  Mat_VarFree(variable);
  Mat_Close(file);
  const std::string list =
      "images { list: 'a.mat:labels' path: 'cat/{1}.jpg' label: '{2}' last: 2 }";
  EXPECT_THAT(Counts(list), HasSubstr("\"images\":2,"));
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(path));
  // In the checksum.
  bytes[bytes.size() - 3] ^= 1;
  PutFile(path, bytes);
  ExpectFailure(list, "", 65, "a.mat: the MATLAB file is cut short or damaged");
}

TEST_F(ListSourceTest, WholeNumbersOfMatlabFilesHaveAllTheirDigits) {
  PutFile(root_ + "/cat/9007199254740993.jpg", FlatJpeg(4, 6, 1, 2, 3));
  PutFile(root_ + "/cat/12345678901.jpg", FlatJpeg(4, 6, 1, 2, 3));
  const int64_t exact[] = {9007199254740993, 1, 1, 1};
  const double rounded[] = {12345678901, 1, 1, 1};
  const std::string list = "images { list: 'a.mat:labels' path: 'cat/{2}.jpg' last: 1 }";
  PutFile(root_ + "/a.mat",
          MatFile(12, 14, std::string(reinterpret_cast<const char*>(exact), sizeof(exact))));
  EXPECT_THAT(Counts(list), HasSubstr("\"images\":1,"));
  PutFile(root_ + "/a.mat",
          MatFile(9, 6, std::string(reinterpret_cast<const char*>(rounded), sizeof(rounded))));
  EXPECT_THAT(Counts(list), HasSubstr("\"images\":1,"));
}

TEST_F(ListSourceTest, DrawsKeepEveryImageOnce) {
  const std::string folder = "images { list: './' label: '{dir:1}' } ";
  EXPECT_THAT(Counts(folder + "draw { train_per_class: 1 }"),
              AllOf(HasSubstr("\"name\":\"train\",\"images\":2,"),
                    HasSubstr("\"name\":\"test\",\"images\":2,")));
  EXPECT_THAT(Counts(folder + "draw { train: 0.5 val: 0.25 seed: 3 }"),
              AllOf(HasSubstr("\"name\":\"train\",\"images\":2,"),
                    HasSubstr("\"name\":\"val\",\"images\":1,")));
  ExpectFailure(folder + "draw { train_per_class: 3 }", "", 65, "class 'cat' has 2 images, but 3");
  ExpectFailure(folder + "draw { train: 0.9 val: 0.2 }", "", 64, "shares of at most 1");
  ExpectFailure(folder + "draw { train: 0.9 val_per_class: 2 }", "", 64, "not both");
}

TEST_F(ListSourceTest, DrawsAreOfTheClassesThatAreKept) {
  for (int i = 10; i < 20; ++i) {
    for (const char* name : {"cat", "dog"}) {
      PutFile(absl::StrCat(root_, "/", name, "/", i, ".jpg"), FlatJpeg(4, 6, 1, 2, 3));
    }
  }
  const std::string folder = "images { list: './' label: '{dir:1}' } ";
  const std::string draws[] = {folder + "draw { train_per_class: 5 val_per_class: 2 }",
                               folder + "draw { train: 0.4 val: 0.3 }"};
  std::vector<std::string> keys[2];
  for (int i = 0; i < 2; ++i) keys[i] = TrainKeys(draws[i]);
  // Too few to draw from, and before the others in the order of names.
  PutFile(root_ + "/ape/1.jpg", FlatJpeg(4, 6, 1, 2, 3));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(TrainKeys(draws[i], "without_classes: 'ape'"), keys[i]);
    EXPECT_EQ(TrainKeys(draws[i], "only_classes: ['cat', 'dog']"), keys[i]);
  }
  ExpectFailure(draws[0], "", 65, "class 'ape' has 1 images, but 7");
}

TEST_F(ListSourceTest, ClassesAndSplitsCanBeChosen) {
  EXPECT_THAT(Counts(kGood, "only_classes: 'dog' expect: 'train=1'"), HasSubstr("\"images\":1,"));
  EXPECT_THAT(Counts(kGood, "without_classes: 'dog' join_splits: 'test' expect: 'test=2'"),
              HasSubstr("\"name\":\"test\""));
  ExpectFailure(kGood, "only_classes: 'cow'", 65, "no class 'cow'");
  ExpectFailure(kGood, "without_classes: ['cat', 'dog']", 65, "no class is left");
  ExpectFailure(kGood, "expect: 'train=4'", 65, "has 3 images, 4 were expected");
  ExpectFailure(kGood, "expect: 'train'", 64, "SPLIT=COUNT");
}

}  // namespace
}  // namespace cassle
