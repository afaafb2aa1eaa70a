#include "cassle/front/front.h"

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<StageEntry> Stages() {
  return {ParseStageEntry("ssl/pretrain", "pretrain\tTrains an encoder.\nepochs\tCOUNT\tMany.\n"),
          ParseStageEntry("eval/knn", "knn\tAsks neighbours.\n")};
}

class FrontTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = JoinPath(::testing::TempDir(),
                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(MakeDirectories(folder_));
  }
  absl::StatusOr<FrontCommand> Read(const std::vector<std::string>& arguments) {
    return ReadFrontCommand(Stages(), folder_, arguments);
  }
  std::string folder_;
};

TEST_F(FrontTest, AloneItListsTheStages) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"help"}, {"--help"}, {"-h"}}) {
    ASSERT_OK_AND_ASSIGN(const FrontCommand command, Read(arguments));
    EXPECT_EQ(command.program, "");
    EXPECT_THAT(command.text, AllOf(HasSubstr("\n  pretrain              Trains an encoder.\n"),
                                    HasSubstr("\n  knn                   Asks neighbours.\n")));
  }
}

TEST_F(FrontTest, AStageLiesBesideItOrBelowIt) {
  ASSERT_OK(MakeDirectories(JoinPath(folder_, "ssl")));
  ASSERT_OK(WriteFile(JoinPath(folder_, "ssl/pretrain"), ""));
  ASSERT_OK_AND_ASSIGN(const FrontCommand below, Read({"pretrain", "--epochs=3", "a b"}));
  EXPECT_EQ(below.program, JoinPath(folder_, "ssl/pretrain"));
  EXPECT_THAT(below.arguments, ElementsAre("pretrain", "--epochs=3", "a b"));
  ASSERT_OK(WriteFile(JoinPath(folder_, "pretrain"), ""));
  ASSERT_OK_AND_ASSIGN(const FrontCommand beside, Read({"help", "pretrain"}));
  EXPECT_EQ(beside.program, JoinPath(folder_, "pretrain"));
  EXPECT_THAT(beside.arguments, ElementsAre("pretrain", "--help"));
}

TEST_F(FrontTest, WhatIsNoStageIsNamedWithTheNearest) {
  EXPECT_THAT(Read({"pretrian", "--epochs=3"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "there is no stage pretrian; did you mean pretrain?"));
  EXPECT_THAT(Read({"--epochs=3"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cassle alone lists them")));
  EXPECT_THAT(Read({"help", "kn"}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("knn")));
}

TEST_F(FrontTest, NoArgumentIsPassedOver) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"help", "knn", "--k=3"},
        {"--help", "knn", "--k=3"},
        {"--version", "--k=3"},
        {"--help=man", "--k=3"}}) {
    EXPECT_THAT(Read(arguments), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("unexpected argument --k=3: cassle ")));
  }
}

TEST_F(FrontTest, AProgramThatIsMissingIsNamedWithItsFolder) {
  EXPECT_THAT(Read({"knn"}), StatusIs(absl::StatusCode::kNotFound,
                                      AllOf(HasSubstr("knn is missing in "), HasSubstr(folder_))));
}

TEST_F(FrontTest, TheManPageHasEveryStage) {
  ASSERT_OK_AND_ASSIGN(const FrontCommand command, Read({"--help=man"}));
  EXPECT_THAT(command.text,
              AllOf(StartsWith(".TH CASSLE 1 "),
                    HasSubstr("\n.TP\n\\fBcassle\\-pretrain\\fR(1)\nTrains an encoder.\n")));
}

TEST_F(FrontTest, LongSummariesBecomeIndentedLines) {
  const std::string summary(30, 'a');
  const std::string help = FrontHelp({ParseStageEntry(
      "eval/knn", "knn\t" + summary + " " + summary + " " + summary + " " + summary + "\n")});
  EXPECT_THAT(help, HasSubstr("  knn                   " + summary + " " + summary + "\n" +
                              std::string(24, ' ') + summary + " " + summary + "\n"));
}

}  // namespace
}  // namespace cassle
