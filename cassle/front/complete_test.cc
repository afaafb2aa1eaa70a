#include "cassle/front/complete.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<StageEntry> Stages() {
  return {ParseStageEntry("ssl/pretrain",
                          "pretrain\tTrains.\n"
                          "input\tPATH\tImages.\n"
                          "results\tPATH,...\tTables.\n"
                          "method\tmoco_v2|simclr\tWhat is trained.\n"
                          "method.moco_v2.momentum\tNUMBER\tOf the average.\n"
                          "method.moco_v2.enqueue\tkeys|queries\tWhat becomes negatives.\n"
                          "method.simclr.temperature\tNUMBER\tOf the loss.\n"
                          "groups\tcrop|color|blur,...\tWhat is told.\n"
                          "epochs\tCOUNT\tHow many.\n"
                          "fast\ttrue|false\tQuicker.\n"
                          "config\tPATH\tA file.\n"
                          "set\tFIELD.PATH=VALUE\tOne setting.\n"
                          "help\ttext|man|completion\tThis.\n"),
          ParseStageEntry("eval/predict", "predict\tClassifies.\ninput\tPATH\tImages.\n"),
          ParseStageEntry("eval/report", "report\tWrites tables.\n")};
}

std::vector<std::string> WordsFor(const std::string& line) {
  std::vector<std::string> words;
  for (const Candidate& candidate : Complete(Stages(), line).candidates) {
    words.push_back(candidate.word);
  }
  return words;
}

// What stands before the path that is wanted; "none" if none is.
std::string PathBehind(const std::string& line) {
  const Completion completion = Complete(Stages(), line);
  if (completion.path_from < 0) return "none";
  return completion.word.substr(0, completion.path_from);
}

TEST(CompleteTest, TheFirstWordIsAStage) {
  EXPECT_THAT(WordsFor("cassle "), ElementsAre("pretrain", "predict", "report", "help"));
  EXPECT_THAT(WordsFor("cassle pre"), ElementsAre("pretrain", "predict"));
  EXPECT_THAT(WordsFor("cassle help rep"), ElementsAre("report"));
  EXPECT_THAT(WordsFor("cassle --v"), ElementsAre("--version"));
  EXPECT_THAT(WordsFor("cassle nothing --in"), IsEmpty());
}

TEST(CompleteTest, TheCommandMayBeAPathOrHaveWordsBeforeIt) {
  EXPECT_THAT(WordsFor("/opt/cassle/bin/cassle pret"), ElementsAre("pretrain"));
  EXPECT_THAT(WordsFor("OMP_NUM_THREADS=1 cassle pret"), ElementsAre("pretrain"));
}

TEST(CompleteTest, FlagsOfAGroupAreOneCandidateUntilTheGroupIsTyped) {
  EXPECT_THAT(WordsFor("cassle pretrain --me"), ElementsAre("--method=", "--method."));
  EXPECT_THAT(WordsFor("cassle pretrain --method."),
              ElementsAre("--method.moco_v2.", "--method.simclr."));
  EXPECT_THAT(WordsFor("cassle pretrain --method.moco_v2."),
              ElementsAre("--method.moco_v2.momentum=", "--method.moco_v2.enqueue="));
}

TEST(CompleteTest, WhatNeedsNoValueEndsWithoutAnEqualsSign) {
  EXPECT_THAT(WordsFor("cassle pretrain --f"), ElementsAre("--fast"));
  EXPECT_THAT(WordsFor("cassle pretrain --he"), ElementsAre("--help"));
  EXPECT_THAT(WordsFor("cassle pretrain --fast=t"), ElementsAre("--fast=true"));
  EXPECT_THAT(WordsFor("cassle pretrain --fast --ep"), ElementsAre("--epochs="));
}

TEST(CompleteTest, ValuesFollowAnEqualsSignOrTheFlag) {
  EXPECT_THAT(WordsFor("cassle pretrain --method="),
              ElementsAre("--method=moco_v2", "--method=simclr"));
  EXPECT_THAT(WordsFor("cassle pretrain --method s"), ElementsAre("simclr"));
  EXPECT_THAT(WordsFor("cassle pretrain --epochs="), IsEmpty());
  EXPECT_THAT(WordsFor("cassle pretrain --method=\"mo"), ElementsAre("--method=moco_v2"));
}

TEST(CompleteTest, ListsGoOnBehindEachComma) {
  EXPECT_THAT(WordsFor("cassle pretrain --groups=crop,"),
              ElementsAre("--groups=crop,crop", "--groups=crop,color", "--groups=crop,blur"));
  EXPECT_THAT(WordsFor("cassle pretrain --groups crop,b"), ElementsAre("crop,blur"));
}

TEST(CompleteTest, SetTakesTheNamesOfSettingsAndTheirValues) {
  EXPECT_THAT(WordsFor("cassle pretrain --set=method.moco_v2.e"),
              ElementsAre("--set=method.moco_v2.enqueue="));
  EXPECT_THAT(WordsFor("cassle pretrain --set=method.moco_v2.enqueue=k"),
              ElementsAre("--set=method.moco_v2.enqueue=keys"));
  EXPECT_THAT(WordsFor("cassle pretrain --set fa"), ElementsAre("fast="));
}

TEST(CompleteTest, PathsAreLeftToTheShellFromWhereTheyBegin) {
  EXPECT_EQ(PathBehind("cassle pretrain --input="), "--input=");
  EXPECT_EQ(PathBehind("cassle pretrain --input=data/im"), "--input=");
  EXPECT_EQ(PathBehind("cassle pretrain --input da"), "");
  EXPECT_EQ(PathBehind("cassle pretrain --results=a,b/c"), "--results=a,");
  EXPECT_EQ(PathBehind("cassle pretrain --config=x\\ y"), "--config=");
  EXPECT_EQ(PathBehind("cassle pretrain --method="), "none");
}

TEST(CompletionLinesTest, HoldTheWordAndItsCandidatesOrWhatIsBeforeThePath) {
  EXPECT_EQ(CompletionLines(Complete(Stages(), "cassle pretrain --ep")),
            "words\n--ep\n--epochs=\tHow many.\n");
  EXPECT_EQ(CompletionLines(Complete(Stages(), "cassle pretrain --input=im")),
            "files\n--input=im\n--input=\n");
}

}  // namespace
}  // namespace cassle
