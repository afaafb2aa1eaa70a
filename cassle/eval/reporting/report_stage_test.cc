#include "cassle/eval/reporting/report_stage.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/eval/reporting/report_page_testutil.h"
#include "cassle/eval/reporting/report_table.pb.h"
#include "cassle/eval/reporting/report_testutil.h"
#include "cassle/eval/reporting/report_text.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class ReportStageTest : public ReportTest {
 protected:
  // Of the only stage.
  const v1::StageTable& table() const { return table_.stages(0); }
};

// Of its first target.
void JudgeByClassAverage(v1::Evaluation* probe) { probe->mutable_scores()->SwapElements(0, 1); }

TEST_F(ReportStageTest, TheTableHoldsTheNumbersOfTheResults) {
  AddResult("a", MadeUpProbe("random", {{"shape", 0.25}, {"hue", 0.8125}}));
  AddResult("b", MadeUpProbe("trained", {{"shape", 0.7}, {"hue", 1 / 3.0}}));
  ASSERT_OK(Run());
  ASSERT_EQ(table().rows_size(), 2);
  ASSERT_EQ(table().columns_size(), 2);
  EXPECT_EQ(table().rows(0).name(), "random");
  EXPECT_EQ(table().columns(1).name(), "hue");
  EXPECT_EQ(table().rows(1).cells(1).value(), 1 / 3.0);
  EXPECT_FALSE(table().rows(1).cells(1).has_spread());
  EXPECT_TRUE(table().rows(0).cells(1).best());
  EXPECT_FALSE(table().rows(0).cells(0).best());
  EXPECT_TRUE(table().rows(1).cells(0).best());
  EXPECT_EQ(table().columns(0).chance(), 0.125);
  EXPECT_EQ(table_.sources(1).weights_fingerprint(), "weights of trained");
  EXPECT_EQ(Read("table.md"),
            "**A &lt;title> & more** (test top-1 accuracy, %)\n\n"
            "| encoder               |    shape |      hue |\n"
            "| --------------------- | -------: | -------: |\n"
            "| random                |     25.0 | **81.2** |\n"
            "| trained               | **70.0** |     33.3 |\n"
            "| *most frequent class* |     12.5 |     12.5 |\n");
}

TEST_F(ReportStageTest, TheCsvHoldsEveryDigit) {
  AddResult("a", MadeUpProbe("random, small", {{"shape", 0.1}, {"hue", 2 / 3.0}}));
  ASSERT_OK(Run());
  const std::vector<std::string> lines = Lines("scores.csv");
  ASSERT_EQ(lines.size(), 4);
  EXPECT_EQ(lines[0],
            "stage,row,column,source,value,half_width,chance,better,num_test,best,metric");
  EXPECT_EQ(lines[1],
            "linear-probe,\"random, small\",shape,0,0.10000000000000001,,0.125,higher,700,0,top1");
  EXPECT_EQ(lines[2],
            "linear-probe,\"random, small\",hue,0,0.66666666666666663,,0.125,higher,700,0,top1");
}

TEST_F(ReportStageTest, RunsOfOneRowAreAveraged) {
  AddResult("a", MadeUpProbe("seed 0", {{"shape", 0.5}}));
  AddResult("b", MadeUpProbe("seed 1", {{"shape", 0.6}}));
  AddResult("c", MadeUpProbe("other", {{"hue", 0.3}}));
  for (const char* name : {"x", "x", "y"}) options_.add_names(name);
  ASSERT_OK(Run());
  ASSERT_EQ(table().rows_size(), 2);
  const v1::ReportCell& cell = table().rows(0).cells(0);
  EXPECT_DOUBLE_EQ(cell.value(), 0.55);
  EXPECT_DOUBLE_EQ(cell.spread(), std::sqrt(2 * 0.05 * 0.05));
  EXPECT_EQ(cell.runs_size(), 2);
  EXPECT_EQ(CellText(table().columns(0), cell), "55.0 ± 7.1");
  // What was not measured is no zero.
  EXPECT_FALSE(table().rows(1).cells(0).has_value());
  EXPECT_THAT(Read("table.md"), HasSubstr("| y                     |          - |"));
}

// 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1.
TEST_F(ReportStageTest, SeedsInAnotherOrderAreNoBetter) {
  const double values[] = {0.1, 0.2, 0.3, 0.3, 0.2, 0.1};
  for (int i = 0; i < 6; ++i) {
    AddResult(absl::StrCat(i), MadeUpProbe(absl::StrCat("seed ", i), {{"shape", values[i]}}));
    options_.add_names(i < 3 ? "x" : "y");
  }
  ASSERT_OK(Run());
  ASSERT_NE(table().rows(0).cells(0).value(), table().rows(1).cells(0).value());
  for (const v1::ReportRow& row : table().rows()) EXPECT_FALSE(row.cells(0).best());
  AddResult("z", MadeUpProbe("z", {{"shape", 0.15}, {"hue", 0.5}}));
  options_.add_names("z");
  ASSERT_OK(Run());
  EXPECT_TRUE(table().rows(0).cells(0).best());
  EXPECT_TRUE(table().rows(1).cells(0).best());
  EXPECT_FALSE(table().rows(2).cells(0).best());
  // The only one of its column is better than none.
  EXPECT_FALSE(table().rows(2).cells(1).best());
}

TEST_F(ReportStageTest, GroupsAndColumnsNameAndOrder) {
  AddResult("a", MadeUpProbe("e", {{"label", 0.5}}));
  AddResult("b", MadeUpProbe("e", {{"label", 0.6}, {"hue", 0.7}}));
  options_.add_groups("cifar10");
  options_.add_groups("shapes");
  ASSERT_OK(Run());
  std::vector<std::string> names;
  for (const v1::ReportColumn& column : table().columns()) names.push_back(column.name());
  EXPECT_THAT(names, ElementsAre("cifar10", "shapes label", "shapes hue"));
  options_.add_columns("shapes hue");
  options_.add_columns("cifar10");
  ASSERT_OK(Run());
  ASSERT_EQ(table().columns_size(), 2);
  EXPECT_EQ(table().rows(0).cells(0).value(), 0.7);
  EXPECT_EQ(table().rows(0).cells(1).value(), 0.5);
  options_.add_columns("huge");
  ExpectFailure(64, {"--columns", "'huge'", "cifar10, shapes label, shapes hue"});
}

TEST_F(ReportStageTest, LargeTablesAreAlsoShownAsColours) {
  for (int row = 0; row < 4; ++row) {
    AddResult(absl::StrCat("r", row),
              MadeUpProbe(absl::StrCat("encoder ", row),
                          {{"shape", 0.1 + 0.25 * row}, {"hue", 0.4}, {"size", 0.2}}));
    if (row == 2) {
      ASSERT_OK(Run());
      EXPECT_THAT(Read("report.html"), Not(HasSubstr("What is readable")));
    }
  }
  ASSERT_OK(Run());
  const std::string html = Read("report.html");
  EXPECT_THAT(html, HasSubstr("What is readable"));
  const double chance = table().columns(0).chance();
  ASSERT_GT(chance, 0);
  EXPECT_THAT(html, HasSubstr(absl::StrFormat(">%.2g<", 100 * (0.85 - chance) / (1 - chance))));
}

TEST_F(ReportStageTest, TheMetricCanBeTheClassAverage) {
  AddResult("a", MadeUpProbe("e", {{"label", 0.5}}));
  options_.set_metric("class_avg");
  ASSERT_OK(Run());
  EXPECT_EQ(table().rows(0).cells(0).value(), 0.25);
  EXPECT_EQ(table().columns(0).metric(), "class_avg");
  EXPECT_THAT(Read("table.md"), HasSubstr("(test mean accuracy of the classes, %)"));
}

TEST_F(ReportStageTest, AMetricThatNothingHasIsRefusedWithThoseThereAre) {
  AddResult("a", MadeUpProbe("e", {{"label", 0.5}}));
  options_.set_metric("top5");
  ExpectFailure(64, {"--metric=top5", "class_avg, top1"});
}

TEST_F(ReportStageTest, EachColumnShowsWhatItsProbesWereJudgedBy) {
  v1::Evaluation probe = MadeUpProbe("e", {{"label", 0.5}, {"kind", 0.75}, {"size", 0.25}});
  JudgeByClassAverage(&probe);
  AddResult("a", probe);
  ASSERT_OK(Run());
  EXPECT_EQ(table().rows(0).cells(0).value(), 0.25);
  EXPECT_EQ(table().rows(0).cells(1).value(), 0.75);
  const std::string markdown = Read("table.md");
  EXPECT_THAT(
      markdown,
      HasSubstr("(test top-1 accuracy or, under class avg, mean accuracy of the classes, %)"));
  EXPECT_THAT(markdown, HasSubstr("| label (class avg) | kind | size |"));
  EXPECT_THAT(Read("report.html"), HasSubstr(">label (class avg)</th>"));
  EXPECT_THAT(Lines("scores.csv")[1], EndsWith(",class_avg"));
  EXPECT_THAT(Lines("scores.csv")[2], EndsWith(",top1"));

  options_.set_metric("top1");
  ASSERT_OK(Run());
  EXPECT_EQ(table().rows(0).cells(0).value(), 0.5);
  EXPECT_THAT(Read("table.md"), Not(HasSubstr("class avg")));
}

TEST_F(ReportStageTest, DifferentMetricsDoNotGoIntoOneColumn) {
  AddResult("a", MadeUpProbe("one", {{"label", 0.5}}));
  v1::Evaluation other = MadeUpProbe("two", {{"label", 0.5}});
  JudgeByClassAverage(&other);
  AddResult("b", other);
  ExpectFailure(65, {"'label'", "'one'", "top1", "'two'", "class_avg", "--metric"});
  options_.set_metric("class_avg");
  ASSERT_OK(Run());
}

// testdata/v1/linear_probe was written by version 1 of linear-probe, with --metric=class_avg; the
// expected table is what report made of it then.
TEST_F(ReportStageTest, ResultsOfTheFirstVersionOfLinearProbeAreStillRead) {
  options_.add_results("cassle/eval/reporting/testdata/v1/linear_probe");
  options_.clear_title();
  ASSERT_OK(Run());
  EXPECT_EQ(Read("table.md"),
            "**Linear probes** (test mean accuracy of the classes, %)\n\n"
            "| encoder                               | size | texture |\n"
            "| ------------------------------------- | ---: | ------: |\n"
            "| moco_v2, conditioning none, 20 epochs | 40.7 |    49.8 |\n"
            "| *most frequent class*                 | 25.0 |    25.0 |\n");
  EXPECT_EQ(table().rows(0).cells(0).value(), 0.40732622291020082);
  EXPECT_EQ(table_.sources(0).sets_size(), 3);
  EXPECT_THAT(Read("report.html"), HasSubstr("moco_v2, conditioning none, 20 epochs\n0.1: "));
  options_.set_metric("top1");
  ASSERT_OK(Run());
  EXPECT_EQ(table().rows(0).cells(0).value(), 0.403);
}

TEST_F(ReportStageTest, ThePageIsSelfContainedAndEscaped) {
  AddResult("a", MadeUpProbe("<b>random</b>", {{"shape", 0.25}, {"hue", 0.8125}}));
  AddResult("b", MadeUpProbe("trained", {{"shape", 0.7}, {"hue", 1 / 3.0}}));
  ASSERT_OK(Run());
  const std::string html = Read("report.html");
  for (const char* outside : {"http:", "https:", "src=", "@import", "url(", "<script", "<link"}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, Not(HasSubstr("<b>random</b>")));
  EXPECT_THAT(html, HasSubstr("<title>A &lt;title&gt; &amp; more</title>"));
  EXPECT_THAT(html, HasSubstr("trained, &lt;dog&gt;: 10"));
  EXPECT_THAT(html, HasSubstr(absl::StrFormat("data-value=\"%.17g\">33.3</td>", 1 / 3.0)));
  EXPECT_THAT(html, HasSubstr("class=\"best\" data-value=\"0.8125\">81.2</td>"));
  EXPECT_THAT(html, HasSubstr("weights of trained"));
  // Of every target one chart with one curve per row, and one map of the classes.
  const std::vector<std::string> charts = absl::StrSplit(html, "<svg ");
  ASSERT_EQ(charts.size(), 5);
  EXPECT_EQ(std::vector<std::string>(absl::StrSplit(charts[1], "<path ")).size(), 3);
  EXPECT_THAT(charts[2], HasSubstr("0.1: 27.08"));
  // The w that was taken.
  EXPECT_EQ(std::vector<std::string>(absl::StrSplit(charts[2], "class=\"mark ")).size(), 3);
}

TEST_F(ReportStageTest, EqualResultsGiveEqualBytes) {
  AddResult("a", MadeUpProbe("random", {{"shape", 0.25}}));
  ASSERT_OK(Run());
  const std::string html = Read("report.html");
  options_.set_results(0, Path("moved"));
  ASSERT_OK(Rename(Path("a"), Path("moved")));
  ASSERT_OK(Run());
  EXPECT_EQ(Read("report.html"), html);
}

TEST_F(ReportStageTest, DifferentTestSetsAreNotComparedInOneColumn) {
  AddResult("a", MadeUpProbe("one", {{"shape", 0.5}}));
  v1::Evaluation other = MadeUpProbe("two", {{"shape", 0.6}});
  other.mutable_sets(0)->set_dataset_fingerprint("eeee");
  AddResult("b", other);
  ExpectFailure(65, {"column 'shape'", "'one' and 'two'", "different images", "dddd", "eeee"});
  options_.add_groups("d");
  options_.add_groups("e");
  ASSERT_OK(Run());
  EXPECT_EQ(table().columns_size(), 2);
}

TEST_F(ReportStageTest, AColumnIsNamedOnce) {
  AddResult("a", MadeUpProbe("e", {{"label", 0.5}, {"hue", 0.7}}));
  options_.add_columns("hue");
  options_.add_columns("hue");
  ExpectFailure(64, {"--columns=hue,hue names a column twice"});
}

TEST_F(ReportStageTest, TheCsvHasTheTestImagesOfEachRun) {
  AddResult("a", MadeUpProbe("one", {{"shape", 0.5}}));
  v1::Evaluation other = MadeUpProbe("two", {{"shape", 0.6}});
  for (v1::Score& score : *other.mutable_scores()) score.set_num_test(650);
  AddResult("b", other);
  ASSERT_OK(Run());
  EXPECT_EQ(table().columns(0).num_test(), 0);
  EXPECT_THAT(Lines("scores.csv")[1], HasSubstr(",700,"));
  EXPECT_THAT(Lines("scores.csv")[2], HasSubstr(",650,"));
}

TEST_F(ReportStageTest, OneResultTwiceInACellIsRefused) {
  AddResult("a", MadeUpProbe("e", {{"shape", 0.5}}));
  options_.add_results(options_.results(0));
  ExpectFailure(65, {"column 'shape', row 'e'", "results 1 and 2 of --results are the same"});
  // In two cells it is compared with itself: two columns, or two rows.
  options_.add_groups("a");
  options_.add_groups("b");
  EXPECT_OK(Run());
  options_.clear_groups();
  options_.add_names("x");
  options_.add_names("y");
  EXPECT_OK(Run());
}

TEST_F(ReportStageTest, GroupsTellRunsApartOnThePage) {
  for (const char* group : {"cifar10", "flowers17"}) {
    v1::Evaluation probe = MadeUpProbe("e", {{"label", group[0] == 'c' ? 0.5 : 0.25}});
    probe.add_warnings("few images");
    AddResult(group, probe, "linear-probe",
              {{"config.textproto", absl::StrCat("metric: ", absl::AsciiStrToUpper(group), "\n")}});
    options_.add_groups(group);
  }
  ASSERT_OK(Run());
  const std::string html = Read("report.html");
  for (const char* text : {">e, cifar10: few images</p>", ">e, flowers17: few images</p>",
                           ">e, cifar10</th><th scope=\"col\">e, flowers17</th>"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  // Charts stand below the name of their group.
  EXPECT_THAT(html, Not(HasSubstr("e, cifar10, &lt;dog&gt;")));
  EXPECT_EQ(table().rows_size(), 1);
}

TEST_F(ReportStageTest, AWarningOfTheOnlyResultSaysNoName) {
  v1::Evaluation probe = MadeUpProbe("e", {{"label", 0.5}});
  probe.add_warnings("few images");
  AddResult("a", probe);
  ASSERT_OK(Run());
  EXPECT_THAT(Read("report.html"), HasSubstr("<p class=\"warning\">few images</p>"));
}

TEST_F(ReportStageTest, WrongInputsAreRefused) {
  ExpectFailure(64, {"--results is missing"});
  AddResult("a", MadeUpProbe("one", {{"shape", 0.5}}));
  options_.add_names("x");
  options_.add_names("y");
  ExpectFailure(64, {"--names has 2 entries, --results 1"});
  options_.clear_names();
  options_.set_results(0, Path("missing"));
  ExpectFailure(66, {"missing does not exist"});
  options_.clear_results();
  AddResult("c", MadeUpProbe("one", {}), "shard-encoder");
  ExpectFailure(65, {"is an output of shard-encoder"});
}

}  // namespace
}  // namespace cassle
