#include "cassle/eval/curves/learning_curves_stage.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/curves/curves_testutil.h"
#include "cassle/eval/reporting/report_stage.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/stage/stage_main.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LearningCurvesStageTest : public CurvesTest {
 protected:
  void Keep(const v1::KeptLink& link) {
    const std::string name =
        absl::StrCat(link.row(), "_", link.seed(), "_at_", link.epochs(), ".json");
    options_.add_results(WriteJson(name, link));
  }

  // Both rows of both seeds after 10 epochs: plain 4 and 4 of 8, told 6 and 8 of 8.
  void KeepTenEpochs() {
    Keep(MakeLink("plain", 1, 10, "f0", 4));
    Keep(MakeLink("plain", 2, 10, "0f", 4));
    Keep(MakeLink("told", 1, 10, "fc", 6));
    Keep(MakeLink("told", 2, 10, "ff", 8));
  }

  absl::Status Run() {
    options_.set_plan(WriteJson("plan.json", plan_));
    options_.set_output(Path("curves"));
    settings_.force = true;
    const auto outcome = RunStage(LearningCurvesInfo(), options_, settings_, RunLearningCurves);
    if (!outcome.ok()) return outcome.status();
    result_.Clear();
    return ReadTextProto(Path("curves/result.textproto"), &result_);
  }

  std::string Read(const std::string& name) { return ReadFile(Path("curves/" + name)).value(); }

  // The line of curves.md that begins so, of the n-th table.
  std::string Line(int table, const std::string& begin) {
    int tables = -1;
    for (const auto& line : absl::StrSplit(Read("curves.md"), '\n')) {
      tables += absl::StartsWith(line, "| encoder");
      if (tables == table && absl::StartsWith(line, "| " + begin)) return std::string(line);
    }
    return "";
  }

  const v1::Chart* ChartOf(const std::string& name) {
    for (const v1::Chart& chart : result_.charts()) {
      if (chart.name() == name) return &chart;
    }
    return nullptr;
  }

  v1::LearningCurvesOptions options_;
  StageSettings settings_;
  v1::Evaluation result_;
};

TEST_F(LearningCurvesStageTest, AccuraciesAreMeansOverSeedsWithTheirSpreadAndCosts) {
  KeepTenEpochs();
  ASSERT_OK(Run());
  // 75 and 100 %: a standard deviation of 17.7; an hour.
  EXPECT_EQ(Line(0, "Told"), "| Told, of all | 2 | 87.5 ± 17.7 | 12.5 ± 0.0 | 1.00 | not told |");
  EXPECT_EQ(Line(0, "Plain"), "| Plain | 2 | 50.0 ± 0.0 | 12.5 ± 0.0 | 1.00 | not told |");
  const v1::Chart* chart = ChartOf("hue, Plain: accuracy");
  ASSERT_NE(chart, nullptr);
  ASSERT_EQ(chart->series_size(), 2);
  EXPECT_EQ(chart->series(1).name(), "Told, of all");
  EXPECT_THAT(chart->series(1).x(), ElementsAre(10));
  EXPECT_THAT(chart->series(1).y(), ElementsAre(87.5));
  EXPECT_NEAR(chart->series(1).high(0) - chart->series(1).low(0), 2 * 25 / std::sqrt(2), 1e-9);
}

// Of eight images told gains two with one seed and four with the other, which leaves open whether a
// third would gain any.
TEST_F(LearningCurvesStageTest, GainsArePairedAndHaveIntervals) {
  KeepTenEpochs();
  ASSERT_OK(Run());
  const v1::Chart* chart = ChartOf("hue, Plain: gain");
  ASSERT_NE(chart, nullptr);
  const v1::ChartLine &plain = chart->series(0), &told = chart->series(1);
  EXPECT_THAT(plain.y(), ElementsAre(0));
  EXPECT_THAT(told.y(), ElementsAre(37.5));
  EXPECT_GT(told.low(0), -15);
  EXPECT_LT(told.low(0), 30);
  EXPECT_GT(told.high(0), 45);
  EXPECT_THAT(Line(1, "Told"),
              AllOf(HasSubstr("| 2 | "), HasSubstr("+37.5"), HasSubstr("| 0.0 (0.0 to 0.0) |")));
  EXPECT_EQ(Line(1, "Plain"), "");
  const std::string csv = Read("curves.csv");
  EXPECT_THAT(csv, HasSubstr("\ntold,\"Told, of all\",plain,hue,10,2,0.875,"));
  EXPECT_THAT(csv, HasSubstr("\nplain,Plain,,class,10,2,0.125,0,,,,,3600,1800,\n"));
}

TEST_F(LearningCurvesStageTest, WhatIsNotComputedIsNamedAndCounted) {
  KeepTenEpochs();
  Keep(MakeLink("told", 2, 30, "ff", 8));
  ASSERT_OK(Run());
  EXPECT_EQ(Line(2, "Plain"), "| Plain | not yet computed |  |  |  |  |");
  // One seed has no spread, and nothing to be compared with.
  EXPECT_EQ(Line(2, "Told"), "| Told, of all | 1 | 100.0 | 12.5 | 3.00 | not told |");
  EXPECT_EQ(Line(3, "Told"), "| Told, of all | not yet computed |  |  |");
  ASSERT_GE(result_.warnings_size(), 1);
  EXPECT_EQ(result_.warnings(0),
            "3 of 8 links are not yet computed; the first is Plain, seed 1, 30 epochs");
}

TEST_F(LearningCurvesStageTest, NothingComputedIsATableWithoutCharts) {
  ASSERT_OK(Run());
  EXPECT_EQ(Line(0, "Plain"), "| Plain | not yet computed |  |  |  |  |");
  EXPECT_THAT(result_.charts(), IsEmpty());
  EXPECT_THAT(result_.warnings(), ElementsAre(HasSubstr("8 of 8 links are not yet computed")));
}

TEST_F(LearningCurvesStageTest, ACostInMinutesAndEnergyIsShownWhereItIsTold) {
  plan_.set_gpu(true);
  KeepTenEpochs();
  v1::KeptLink thirty = MakeLink("plain", 1, 30, "ff", 8);
  thirty.set_energy_joules(36000);
  Keep(thirty);
  ASSERT_OK(Run());
  EXPECT_THAT(Read("curves.md"), HasSubstr("| minutes of a GPU |"));
  EXPECT_EQ(Line(0, "Plain"), "| Plain | 2 | 50.0 ± 0.0 | 12.5 ± 0.0 | 30.0 | not told |");
  EXPECT_EQ(Line(2, "Plain"), "| Plain | 1 | 100.0 | 12.5 | 90.0 | 10.0 |");
}

TEST_F(LearningCurvesStageTest, ACostThatIsNotKnownIsNotZero) {
  KeepTenEpochs();
  v1::KeptLink thirty = MakeLink("plain", 1, 30, "ff", 8);
  thirty.clear_cpu_seconds();
  thirty.clear_wall_seconds();
  Keep(thirty);
  ASSERT_OK(Run());
  EXPECT_EQ(Line(2, "Plain"), "| Plain | 1 | 100.0 | 12.5 | not told | not told |");
  EXPECT_THAT(Read("curves.csv"), HasSubstr("\nplain,Plain,,hue,30,1,1,,,,,,,,\n"));
}

TEST_F(LearningCurvesStageTest, LinksOfAnotherRunOfTheirTrainingAreWarnedOf) {
  KeepTenEpochs();
  v1::KeptLink goes_on = MakeLink("plain", 1, 30, "ff", 8);
  goes_on.set_begin_fingerprint("plain1@10");
  Keep(goes_on);
  for (const int seed : {1, 2}) {
    v1::KeptLink other = MakeLink("told", seed, 30, "ff", 8);
    if (seed == 1) other.set_begin_fingerprint("told1@10 elsewhere");
    Keep(other);
  }
  ASSERT_OK(Run());
  ASSERT_EQ(result_.warnings_size(), 2);
  EXPECT_EQ(
      result_.warnings(1),
      "2 of 7 links are of another run of their training than what is kept of it before; the "
      "first is Told, of all, seed 1, 30 epochs, which went on from told1@10 elsewhere and not "
      "from told1@10, measured after 10 epochs");
}

TEST_F(LearningCurvesStageTest, ReportShowsTheCurvesWithTheirBands) {
  KeepTenEpochs();
  for (const char* row : {"plain", "told"}) Keep(MakeLink(row, 1, 30, "f0", 4));
  ASSERT_OK(Run());
  v1::ReportOptions report;
  report.add_results(Path("curves"));
  report.set_output(Path("report"));
  const auto outcome = RunStage(ReportInfo(), report, settings_, RunReport);
  ASSERT_OK(outcome);
  ASSERT_OK_AND_ASSIGN(const std::string page, ReadFile(Path("report/report.html")));
  EXPECT_THAT(
      page,
      AllOf(HasSubstr("hue: gain over Plain of the same seeds"), HasSubstr("not yet computed"),
            HasSubstr("<path class=\"band mark-2\""), HasSubstr("A hollow dot is of fewer seeds"),
            // Of 30 epochs there is one seed of two.
            HasSubstr("<circle class=\"hollow series-2\""), HasSubstr("1 of 2 seeds</title>"),
            HasSubstr("<h3>After 10 epochs: gain</h3>"), HasSubstr("<td>87.5 ± 17.7</td>")));
  ASSERT_OK_AND_ASSIGN(const std::string markdown, ReadFile(Path("report/table.md")));
  EXPECT_THAT(markdown, AllOf(HasSubstr("**After 30 epochs: accuracy**"),
                              HasSubstr("| Told, of all | 2 | 87.5 ± 17.7 |")));
}

TEST_F(LearningCurvesStageTest, ARowOfFewerSeedsLacksNoneOfTheOthers) {
  for (const int seed : {1, 2}) Keep(MakeLink("plain", seed, 10, "f0", 4));
  for (const char* row : {"plain", "told"}) Keep(MakeLink(row, 1, 30, "f0", 4));
  Keep(MakeLink("told", 1, 10, "fc", 6));
  plan_.mutable_rows(1)->add_seeds(1);
  ASSERT_OK(Run());
  ASSERT_GE(result_.warnings_size(), 1);
  EXPECT_THAT(result_.warnings(0),
              AllOf(HasSubstr("1 of 6 links"), HasSubstr("Plain, seed 2, 30 epochs")));
  ASSERT_EQ(result_.charts(0).series_size(), 2);
  EXPECT_THAT(result_.charts(0).series(0).partial(), ElementsAre(false, true));
  EXPECT_THAT(result_.charts(0).series(1).partial(), ElementsAre(false, false));
  EXPECT_THAT(result_.charts(0).series(1).notes(), ElementsAre("1 of 1 seeds", "1 of 1 seeds"));
}

TEST_F(LearningCurvesStageTest, ABaselineMayItselfBeComparedWithAnother) {
  v1::PlannedRow* row = plan_.add_rows();
  row->set_key("more");
  row->set_title("Told more");
  row->set_baseline("told");
  row->set_flags("--method=more");
  KeepTenEpochs();
  Keep(MakeLink("more", 1, 10, "ff", 8));
  ASSERT_OK(Run());
  EXPECT_THAT(Line(1, "Told more"), HasSubstr("| Told more | 1 | +25.0 ("));
  const v1::Chart* chart = ChartOf("hue, Told, of all: gain");
  ASSERT_NE(chart, nullptr);
  ASSERT_EQ(chart->series_size(), 2);
  // Of the baseline's own gain the other chart tells.
  EXPECT_THAT(chart->series(0).y(), ElementsAre(0));
  EXPECT_THAT(chart->series(1).y(), ElementsAre(25));
  chart = ChartOf("hue, Plain: gain");
  ASSERT_NE(chart, nullptr);
  ASSERT_EQ(chart->series_size(), 2);
  EXPECT_THAT(chart->series(1).y(), ElementsAre(37.5));
}

// Told, and eight more with the same baseline: no page has a colour for each.
TEST_F(LearningCurvesStageTest, MoreRowsThanColoursAreComparedAsIntervals) {
  for (int i = 0; i < 8; ++i) {
    v1::PlannedRow* row = plan_.add_rows();
    *row = plan_.rows(1);
    row->set_key(absl::StrCat("told", i));
    row->set_title(absl::StrCat("Told ", i));
  }
  KeepTenEpochs();
  for (const char* row : {"plain", "told"}) Keep(MakeLink(row, 1, 30, "f0", 4));
  ASSERT_OK(Run());
  ASSERT_EQ(result_.charts_size(), 2);
  const v1::Chart& chart = result_.charts(0);
  EXPECT_EQ(chart.kind(), v1::Chart::INTERVALS);
  // Of the others nothing is known.
  EXPECT_THAT(chart.x().categories(), ElementsAre("Told, of all"));
  ASSERT_EQ(chart.series_size(), 2);
  EXPECT_EQ(chart.series(0).name(), "after 10 epochs");
  EXPECT_THAT(chart.series(0).y(), ElementsAre(37.5));
  EXPECT_THAT(chart.series(0).partial(), ElementsAre(false));
  EXPECT_THAT(chart.series(1).y(), ElementsAre(0));
  EXPECT_THAT(chart.series(1).partial(), ElementsAre(true));
  v1::ReportOptions report;
  report.add_results(Path("curves"));
  report.set_output(Path("report"));
  ASSERT_OK(RunStage(ReportInfo(), report, settings_, RunReport));
  EXPECT_THAT(ReadFile(Path("report/report.html")).value(),
              AllOf(HasSubstr("<line class=\"whisker series-1"),
                    HasSubstr("Told, of all\nafter 30 epochs\n0 ["),
                    HasSubstr("<circle class=\"hollow series-2\"")));
}

TEST_F(LearningCurvesStageTest, MistakesAreOneLineWithTheRightExitCode) {
  options_.add_results(Path("nowhere.json"));
  absl::Status status = Run();
  EXPECT_EQ(ExitCode(status), 66);
  EXPECT_THAT(std::string(status.message()), HasSubstr("nowhere.json"));
  options_.clear_results();
  v1::KeptLink link = MakeLink("told", 1, 10, "ff", 7);
  Keep(link);
  status = Run();
  EXPECT_EQ(ExitCode(status), 65);
  EXPECT_THAT(std::string(status.message()), HasSubstr("told_1_at_10.json"));
  options_.clear_plan();
  EXPECT_EQ(
      ExitCode(RunStage(LearningCurvesInfo(), options_, settings_, RunLearningCurves).status()),
      64);
}

}  // namespace
}  // namespace cassle
