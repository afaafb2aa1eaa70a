#include "cassle/data/sources/tally.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TallyTest, NothingCountedSaysNothing) { EXPECT_THAT(Tally().Sentences(), IsEmpty()); }

TEST(TallyTest, SaysEveryDecisionOnceAndEveryCountWithItsFirstName) {
  Tally tally;
  tally.Count("hidden files skipped", "b/.x");
  tally.Decide("layout folder: 8 of 9 files are images");
  tally.Count("empty classes", "cat");
  tally.Count("hidden files skipped", "a/.x");
  tally.Decide("layout folder: 8 of 9 files are images");
  EXPECT_THAT(tally.Sentences(),
              ElementsAre("layout folder: 8 of 9 files are images", "1 empty classes (cat)",
                          "2 hidden files skipped (b/.x, ...)"));
}

TEST(TallyTest, SaysHowManyOfEachKindTheMostFirst) {
  Tally tally;
  tally.Count("files skipped", "a.svg", ".svg");
  EXPECT_THAT(tally.Sentences(), ElementsAre("1 files skipped (a.svg)"));
  tally.Count("files skipped", "b.tga", ".tga");
  tally.Count("files skipped", "c.tga", ".tga");
  EXPECT_THAT(tally.Sentences(), ElementsAre("3 files skipped: .tga 2, .svg 1 (a.svg, ...)"));
  for (int i = 0; i < 500; ++i) tally.Count("files skipped", "x", absl::StrCat(".", i));
  EXPECT_EQ(tally.entries().at("files skipped").kinds.at("others"), 402);
}

TEST(TallyTest, TheLikeliestFileOfLabelsIsATableAtTheTopThatIsCalledSo) {
  Tally tally;
  for (const char* name : {"a/b/train.csv", "a/train.csv", "notes.xlsx", "a/labels.json"}) {
    tally.MayHoldLabels(name);
    EXPECT_EQ(tally.label_files()[0],
              std::string(name) == "notes.xlsx" ? "a/train.csv" : std::string(name));
  }
}

TEST(TallyTest, KeepsAThousandNamesAndCountsTheRest) {
  Tally tally;
  for (int i = 0; i < 1500; ++i) tally.Count("files skipped", absl::StrCat(i));
  EXPECT_EQ(tally.entries().at("files skipped").count, 1500);
  EXPECT_EQ(tally.entries().at("files skipped").names.size(), 1000);
}

}  // namespace
}  // namespace cassle
