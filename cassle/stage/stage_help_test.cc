#include "cassle/stage/stage_help.h"

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "cassle/stage/test_options.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

StageHelp Numbers() {
  StageHelp stage;
  stage.name = "write-numbers";
  stage.summary = "Writes numbers.";
  stage.settings = DescribeOptions(*v1::TestOptions::descriptor());
  return stage;
}

TEST(OptionsTextTest, ShowsNamesValuesRangesDefaultsAndHelp) {
  const std::string help = OptionsText(Numbers().settings);
  EXPECT_THAT(help, HasSubstr("  --count=COUNT\n      How many.\n      Range: at least 0\n"
                              "      Default: 3\n"));
  EXPECT_THAT(help, HasSubstr("  --color=red|green\n      red: As a rose.\n"
                              "      green: As grass.\n      Default: green\n"));
  EXPECT_THAT(help, HasSubstr("--optimizer.learning_rate=NUMBER"));
  EXPECT_THAT(help, HasSubstr("--chosen=plain|colored"));
  EXPECT_THAT(help, Not(HasSubstr("unspecified")));
}

TEST(OptionsTextTest, ListsOfMessagesShowTheirFields) {
  EXPECT_THAT(OptionsText(DescribeOptions(*v1::TestPlan::descriptor())),
              HasSubstr("  --steps='TEXT FORMAT',...\n      What is done, in order.\n"
                        "        name: TEXT  Of the step.\n"
                        "        choice { }\n"
                        "          color: red|green\n"
                        "          depth: COUNT\n"));
}

TEST(FoldedTest, BreaksAtBlanksAndKeepsTheIndentation) {
  EXPECT_EQ(Folded("  --count=COUNT\n      How many there are of it.\n\n  a  b\n", 16),
            "  --count=COUNT\n      How many\n      there are\n      of it.\n\n  a  b\n");
  EXPECT_EQ(Folded("  --color=red|green|blue is long", 10), "  --color=red|green|blue\n  is long");
  const std::string help = HelpText(Numbers());
  EXPECT_EQ(Folded(help, 1000), help);
  for (const absl::string_view row : absl::StrSplit(Folded(help, 40), '\n')) {
    // Nothing to break it at behind its indentation, or it fits.
    EXPECT_TRUE(row.size() <= 40 || !absl::StrContains(row.substr(row.find_first_not_of(' ')), ' '))
        << row;
  }
}

TEST(ManPageTest, HasTheSectionsAndEveryOption) {
  StageHelp stage = Numbers();
  stage.more = "method  rate\nplain    0.1\n";
  const std::string page = ManPage(stage);
  EXPECT_THAT(page, StartsWith(".TH CASSLE\\-WRITE\\-NUMBERS 1 "));
  EXPECT_THAT(page, HasSubstr("\n.SH NAME\ncassle\\-write\\-numbers \\- Writes numbers.\n"));
  EXPECT_THAT(page, HasSubstr("\n.TP\n\\fB\\-\\-color\\fR=\\fIred|\\:green\\fR\n"
                              "red: As a rose.\n.br\ngreen: As grass.\n.br\nDefault: green\n"));
  EXPECT_THAT(page, HasSubstr("\n.nf\nmethod  rate\nplain    0.1\n.fi\n"));
  EXPECT_THAT(page, HasSubstr("\n.SH EXIT STATUS\n0 done, 64 "));
  for (const OptionHelp& option : stage.settings) {
    EXPECT_THAT(page, HasSubstr("\n.TP\n\\fB\\-\\-" + option.name + "\\fR="));
  }
}

// A dash must stay one, a backslash must not begin an escape, nor a dot a macro.
TEST(ManPageTest, KeepsWhatTextMeans) {
  StageHelp stage = Numbers();
  stage.more = ".hidden in C:\\new\n'quoted' with --set";
  EXPECT_THAT(ManPage(stage),
              HasSubstr("\n\\&.hidden in C:\\enew\n\\&'quoted' with \\-\\-set\n.fi\n"));
}

TEST(CompletionTableTest, HasALineForTheStageAndOneForEachOption) {
  StageHelp stage = Numbers();
  stage.summary = "Writes\tnumbers.\nMany.";
  EXPECT_THAT(CompletionTable(stage), StartsWith("write-numbers\tWrites numbers. Many.\n"
                                                 "input\tPATH\tWhat to read.\n"
                                                 "more_inputs\tPATH,...\t\n"
                                                 "output\tPATH\tWhere to write.\n"
                                                 "count\tCOUNT\tHow many.\n"
                                                 "color\tred|green\t\n"));
}

}  // namespace
}  // namespace cassle
