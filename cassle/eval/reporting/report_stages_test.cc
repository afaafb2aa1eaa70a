// Tables, charts and pictures of stages that write cassle/eval/result/evaluation.proto, and
// trainings.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/eval/reporting/report_page_testutil.h"
#include "cassle/eval/reporting/report_table.pb.h"
#include "cassle/eval/reporting/report_testutil.h"
#include "cassle/eval/reporting/training_curves.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using ReportStagesTest = ReportTest;

TEST_F(ReportStagesTest, EveryStageHasATableOfItsOwn) {
  AddResult("a", MadeUpProbe("one", {{"label", 0.5}}));
  for (const auto& [folder, encoder, value] :
       {std::tuple<const char*, const char*, double>{"b", "one", 0.75}, {"c", "two", 0.5}}) {
    v1::Evaluation knn = MadeUpEvaluation("knn", encoder);
    knn.set_title("Nearest neighbours");
    AddMadeUpScore("label, k = 20", value, &knn)->set_chance(0.1);
    AddResult(folder, knn, "knn");
  }
  ASSERT_OK(Run());
  ASSERT_EQ(table_.stages_size(), 2);
  EXPECT_EQ(table_.stages(0).rows_size(), 1);
  const v1::StageTable& knn = table_.stages(1);
  EXPECT_EQ(knn.stage(), "knn");
  ASSERT_EQ(knn.rows_size(), 2);
  EXPECT_EQ(knn.rows(1).cells(0).value(), 0.5);
  EXPECT_TRUE(knn.rows(0).cells(0).best());
  EXPECT_EQ(knn.columns(0).chance(), 0.1);
  EXPECT_EQ(Read("table.md"),
            "**Linear probes** (test top-1 accuracy, %)\n\n"
            "| encoder               | label |\n"
            "| --------------------- | ----: |\n"
            "| one                   |  50.0 |\n"
            "| *most frequent class* |  12.5 |\n"
            "\n**Nearest neighbours**\n\n"
            "| encoder  | label, k = 20 (%) |\n"
            "| -------- | ----------------: |\n"
            "| one      |          **75.0** |\n"
            "| two      |              50.0 |\n"
            "| *chance* |              10.0 |\n");
  EXPECT_EQ(Lines("scores.csv")[2],
            "knn,one,\"label, k = 20\",1,0.75,,0.10000000000000001,higher,700,1,");
}

TEST_F(ReportStagesTest, BestIsWhatTheScoreSaysIsBetter) {
  for (const auto& [encoder, value] : {std::pair<const char*, double>{"one", 12.0}, {"two", 3.5}}) {
    v1::Evaluation evaluation = MadeUpEvaluation("spectrum", encoder);
    v1::Score* count = AddMadeUpScore("components", std::ceil(value), &evaluation);
    count->set_better(v1::Score::NEITHER);
    count->set_is_fraction(false);
    for (v1::Score::Better better : {v1::Score::NEITHER, v1::Score::HIGHER, v1::Score::LOWER}) {
      v1::Score* score = AddMadeUpScore(v1::Score::Better_Name(better), value, &evaluation);
      score->set_better(better);
      score->set_is_fraction(false);
    }
    AddResult(encoder, evaluation, "spectrum");
  }
  ASSERT_OK(Run());
  const v1::StageTable& table = table_.stages(0);
  std::vector<bool> best;
  for (const v1::ReportRow& row : table.rows()) {
    for (const v1::ReportCell& cell : row.cells()) best.push_back(cell.best());
  }
  EXPECT_THAT(best, ElementsAre(false, false, true, false, false, false, false, true));
  // Four figures of the largest number; counts are whole.
  EXPECT_THAT(Read("table.md"), HasSubstr("|         12 |   12.00 | **12.00** |"));
  EXPECT_THAT(Read("table.md"), HasSubstr("LOWER ↓"));
}

TEST_F(ReportStagesTest, IntervalsAndSpreadsAreToldApart) {
  for (const char* folder : {"a", "b", "c"}) {
    v1::Evaluation evaluation = MadeUpEvaluation("few-shot", "e");
    AddMadeUpScore("5-way 1-shot", folder[0] == 'b' ? 0.5 : 0.25, &evaluation)
        ->set_half_width(0.0125);
    AddResult(folder, evaluation, "few-shot");
    options_.add_names(folder[0] == 'c' ? "single" : "seeds");
  }
  ASSERT_OK(Run());
  const v1::StageTable& table = table_.stages(0);
  EXPECT_FALSE(table.rows(0).cells(0).has_half_width());
  EXPECT_DOUBLE_EQ(table.rows(0).cells(0).spread(), std::sqrt(2 * 0.125 * 0.125));
  EXPECT_EQ(table.rows(1).cells(0).half_width(), 0.0125);
  EXPECT_THAT(Read("table.md"), HasSubstr("| single  |       25.0 ± 1.2 |"));
  EXPECT_THAT(Read("table.md"), HasSubstr("standard deviation over runs. With a single run it is "
                                          "half the width of the 95 % interval."));
}

TEST_F(ReportStagesTest, ManyScoresStandDownwards) {
  v1::Evaluation evaluation = MadeUpEvaluation("invariance", "one");
  for (int i = 0; i < 20; ++i) AddMadeUpScore(absl::StrCat("score ", i), i / 20.0, &evaluation);
  AddResult("a", evaluation, "invariance");
  ASSERT_OK(Run());
  EXPECT_EQ(Lines("table.md")[2], "| score        |  one |");
  EXPECT_EQ(Lines("table.md")[23], "| score 19 (%) | 95.0 |");
  EXPECT_THAT(Read("report.html"), HasSubstr("<th scope=\"col\">one</th>"));
}

TEST_F(ReportStagesTest, LatexIsEscapedAndHasTheBestInBold) {
  for (const char* encoder : {"a_1 & b", "c"}) {
    v1::Evaluation evaluation = MadeUpEvaluation("knn", encoder);
    AddMadeUpScore("label_%", encoder[0] == 'c' ? 0.25 : 0.5, &evaluation)->set_half_width(0.01);
    AddResult(encoder, evaluation, "knn");
  }
  ASSERT_OK(Run());
  EXPECT_EQ(Read("table.tex"),
            "% Needs \\usepackage{booktabs}.\n\\begin{table}\n\\centering\n"
            "\\caption{A \\textless{}title\\textgreater{} \\& more. $\\pm$ is half the width of "
            "the 95 \\% interval.}\n"
            "\\label{tab:knn}\n\\begin{tabular}{lr}\n\\toprule\n"
            "encoder & label\\_\\% (\\%) \\\\\n\\midrule\n"
            "a\\_1 \\& b & \\textbf{50.0 $\\pm$ 1.0} \\\\\n"
            "c & 25.0 $\\pm$ 1.0 \\\\\n"
            "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
}

TEST_F(ReportStagesTest, NothingInATableIsACommandOfLatexOrMarkdown) {
  for (const char* encoder : {"[a]", "*b|c", "<i>"}) {
    v1::Evaluation evaluation = MadeUpEvaluation("knn", encoder);
    AddMadeUpScore("label", 0.5, &evaluation)->set_chance(0.25);
    evaluation.set_chance_name("50 % | a_b <i>");
    AddResult(encoder, evaluation, "knn");
  }
  ASSERT_OK(Run());
  // After the end of a row "[a]" would be a distance, and "*" go without being seen.
  EXPECT_THAT(Read("table.tex"),
              AllOf(HasSubstr("\n{[}a] & "), HasSubstr("\n{*}b\\textbar{}c & "),
                    HasSubstr("\\emph{50 \\% \\textbar{} a\\_b \\textless{}i\\textgreater{}}")));
  EXPECT_THAT(Read("table.md"),
              AllOf(HasSubstr("| &lt;i> "), HasSubstr("| *50 % \\| a_b &lt;i>* |")));
}

TEST_F(ReportStagesTest, ATrainingIsCurvesAndItsLastValues) {
  AddFolder("pretrain", "a", MadeUpTraining("moco_v2", 0));
  AddFolder("pretrain", "b", MadeUpTraining("byol", 1));
  ASSERT_OK(Run());
  const v1::StageTable& table = table_.stages(0);
  EXPECT_EQ(table.stage(), "pretrain");
  ASSERT_EQ(table.rows_size(), 2);
  EXPECT_EQ(table.rows(1).name(), "byol");
  EXPECT_EQ(table.columns(1).name(), "probe accuracy");
  EXPECT_DOUBLE_EQ(table.rows(1).cells(1).value(), 0.6);
  EXPECT_TRUE(table.rows(1).cells(1).best());
  // 500 steps are thinned; both runs stand in each chart, which has one line per run.
  const std::string html = Read("report.html");
  const std::vector<std::string> charts = absl::StrSplit(html, "<svg ");
  ASSERT_EQ(charts.size(), 5);
  for (size_t i = 1; i < charts.size(); ++i) {
    EXPECT_EQ(std::vector<std::string>(absl::StrSplit(charts[i], "<path ")).size(), 3);
  }
  EXPECT_THAT(charts[1], HasSubstr("Loss: moco_v2, byol"));
  EXPECT_LT(std::vector<std::string>(absl::StrSplit(charts[1], 'L')).size(), 2 * 170);
  EXPECT_THAT(charts[2], HasSubstr("byol\n2: 60"));
}

TEST_F(ReportStagesTest, WhatIsNotFiniteInterruptsACurveAndIsNoLastValue) {
  auto files = MadeUpTraining("moco_v2", 0);
  files["metrics.jsonl"] =
      "{\"step\":1,\"epoch\":1,\"loss\":3,\"epoch_loss\":3}\n"
      "{\"step\":2,\"epoch\":1,\"loss\":2,\"matched_cosine\":0.5}\n"
      "{\"step\":3,\"epoch\":2,\"loss\":\"NaN\",\"epoch_loss\":\"NaN\"}\n"
      "{\"step\":4,\"epoch\":2,\"loss\":1}\n{\"step\":5,\"epoch\":2,\"loss\":1}\n";
  AddFolder("pretrain", "a", files);
  ASSERT_OK(Run());
  ASSERT_EQ(table_.stages(0).columns_size(), 1);
  EXPECT_EQ(table_.stages(0).columns(0).name(), "matched cosine");
  const std::string html = Read("report.html");
  const size_t line = html.find("class=\"series series-1\"");
  ASSERT_NE(line, std::string::npos);
  const std::string path = html.substr(line, html.find("/>", line) - line);
  EXPECT_EQ(std::count(path.begin(), path.end(), 'M'), 2) << path;
}

// Of a long run a point stands for several steps.
TEST_F(ReportStagesTest, StepsThatAreNotFiniteTakeNoOthersWithThem) {
  auto files = MadeUpTraining("moco_v2", 0);
  std::string& lines = files["metrics.jsonl"];
  lines.clear();
  const int steps = 3 * kMaxCurvePoints;
  for (int step = 1; step <= steps; ++step) {
    const bool lost = step % 3 == 0 || step > steps - 30;
    absl::StrAppend(&lines, "{\"step\":", step,
                    ",\"epoch\":1,\"loss\":2,\"gradient_norm\":", lost ? "\"Infinity\"" : "3",
                    "}\n");
  }
  AddFolder("pretrain", "a", files);
  ASSERT_OK(Run());
  const std::vector<std::string> charts = absl::StrSplit(Read("report.html"), "<figure>");
  ASSERT_EQ(charts.size(), 3);
  const auto points = [](const std::string& chart) {
    const size_t line = chart.find("class=\"series series-1\"");
    const std::string path = chart.substr(line, chart.find("/>", line) - line);
    return std::count(path.begin(), path.end(), 'L') + 1;
  };
  EXPECT_EQ(points(charts[1]), kMaxCurvePoints);
  // But for the last thirty steps, of which nothing is finite.
  EXPECT_EQ(points(charts[2]), kMaxCurvePoints - 10);
}

TEST_F(ReportStagesTest, ChartsOfOneNameHaveTheSameAxes) {
  for (const auto& [encoder, shift] : {std::pair<const char*, double>{"one", 0.2}, {"two", 1}}) {
    v1::Evaluation evaluation = MadeUpEvaluation("invariance", encoder);
    AddMadeUpCharts(shift, &evaluation);
    AddResult(encoder, evaluation, "invariance");
  }
  ASSERT_OK(Run());
  const std::vector<std::string> charts = absl::StrSplit(Read("report.html"), "<svg ");
  // The spectra are one chart; lines, bars and maps one per encoder.
  ASSERT_EQ(charts.size(), 1 + 1 + 3 * 2);
  const auto ticks = [&](const std::string& chart) {
    std::vector<std::string> found;
    for (const auto& text : absl::StrSplit(chart, "<text class=\"tick\"")) found.emplace_back(text);
    found.erase(found.begin());
    return found;
  };
  for (int i : {2, 4}) EXPECT_EQ(ticks(charts[i]).size(), ticks(charts[i + 1]).size());
  EXPECT_THAT(charts[1], HasSubstr("one, two"));
  EXPECT_THAT(charts[4], HasSubstr("flip, projector: -0.2"));
  EXPECT_THAT(charts[5], HasSubstr("flip, projector: -1"));
  // A value that is not a number is neither a cell nor a point.
  EXPECT_THAT(charts[6], Not(HasSubstr("grayscale, layer1")));
  EXPECT_THAT(Read("report.html"), Not(HasSubstr("nan")));
}

TEST_F(ReportStagesTest, PicturesAreInThePage) {
  v1::Evaluation evaluation = MadeUpEvaluation("retrieval", "one");
  for (const char* file : {"grid.png", "map.svg"}) {
    v1::Picture* picture = evaluation.add_pictures();
    picture->set_file(file);
    picture->set_title(absl::StrCat("<", file));
  }
  AddResult("a", evaluation, "retrieval", {{"grid.png", MadeUpPng()}, {"map.svg", MadeUpSvg()}});
  ASSERT_OK(Run());
  const std::string html = Read("report.html");
  EXPECT_THAT(html, HasSubstr("src=\"data:image/png;base64,iVBOR"));
  EXPECT_THAT(html, HasSubstr("src=\"data:image/svg+xml;base64,PD94"));
  EXPECT_THAT(html, HasSubstr("alt=\"one: &lt;map.svg\""));
}

TEST_F(ReportStagesTest, StrangePicturesAreRefused) {
  const auto refused = [&](const std::string& name, const std::string& bytes,
                           const std::vector<std::string>& words) {
    options_.clear_results();
    v1::Evaluation evaluation = MadeUpEvaluation("project", "one");
    evaluation.add_pictures()->set_file(name);
    const std::string file = name.find('/') == std::string::npos && !name.empty() ? name : "x";
    AddResult("a", evaluation, "project", {{file, bytes}});
    ExpectFailure(65, words);
  };
  refused("a.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>x</script></svg>",
          {"a.svg", "<script>"});
  refused("a.png", "no picture", {"a.png", "no PNG"});
  refused("a.png", MadeUpPng().substr(0, 80), {"a.png"});
  refused("../a.png", MadeUpPng(), {"'../a.png'"});
  refused("a.html", "<html>", {"a.html", ".png or .svg"});
  refused("", "", {"is not a file of this folder"});
}

TEST_F(ReportStagesTest, DamagedResultsAreNamed) {
  v1::Evaluation evaluation = MadeUpEvaluation("knn", "one");
  AddMadeUpScore("label", NAN, &evaluation);
  AddResult("a", evaluation, "knn");
  ExpectFailure(65, {"\"label\" is not finite"});
  evaluation = MadeUpEvaluation("knn", "one");
  AddMadeUpCharts(1, &evaluation);
  evaluation.mutable_charts(1)->mutable_series(0)->add_y(1);
  options_.clear_results();
  AddResult("b", evaluation, "knn");
  ExpectFailure(65, {"chart \"strength\"", "10 values for 9 places"});
  evaluation.mutable_charts(1)->set_kind(v1::Chart::KIND_UNSPECIFIED);
  options_.clear_results();
  AddResult("c", evaluation, "knn");
  ExpectFailure(65, {"no kind"});
  // A result of one stage in the folder of another.
  options_.clear_results();
  AddResult("d", MadeUpEvaluation("knn", "one"), "embed");
  ExpectFailure(65, {"is an output of embed"});
  options_.clear_results();
  auto files = MadeUpTraining("moco_v2", 0);
  files["metrics.jsonl"] += "{\"step\":3}\n";
  AddFolder("pretrain", "e", files);
  ExpectFailure(65, {"metrics.jsonl:503"});
}

// One category, one series with its interval.
void AddMadeUpIntervals(v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name("gain");
  chart->set_kind(v1::Chart::INTERVALS);
  chart->mutable_x()->add_categories("<told>");
  v1::ChartLine* line = chart->add_series();
  line->add_y(1);
  line->add_low(0.5);
  line->add_high(2);
  line->add_partial(true);
  line->add_notes("1 of <3>");
}

TEST_F(ReportStagesTest, IntervalsAndTextTablesAreOnThePageAndNothingOfThemIsMarkup) {
  v1::Evaluation evaluation = MadeUpEvaluation("learning-curves", "one");
  AddMadeUpIntervals(&evaluation);
  v1::TextTable* table = evaluation.add_tables();
  table->set_title("<gain>");
  table->set_note("\n# of <all>");
  table->add_columns("<encoder>");
  table->add_rows()->add_cells()->set_text("<plain>");
  AddResult("a", evaluation, "learning-curves");
  ASSERT_OK(Run());
  const std::string html = Read("report.html");
  for (const char* text :
       {"&lt;told&gt;</text>", "1 of &lt;3&gt;</title>", "class=\"hollow series-1\"",
        "<h3>&lt;gain&gt;</h3>", "# of &lt;all&gt;</p>", "&lt;encoder&gt;</th>",
        "<td>&lt;plain&gt;</td>"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  EXPECT_THAT(Read("table.md"), HasSubstr("**&lt;gain>**\n\n # of &lt;all>\n\n| &lt;encoder> |\n"));
}

v1::ChartLine* IntervalsOf(v1::Evaluation* evaluation) {
  return evaluation->mutable_charts(0)->mutable_series(0);
}

TEST_F(ReportStagesTest, DamagedIntervalsAndTablesAreNamed) {
  const auto refused = [&](void (*spoil)(v1::Evaluation*), const std::string& words) {
    v1::Evaluation evaluation = MadeUpEvaluation("learning-curves", "one");
    AddMadeUpIntervals(&evaluation);
    spoil(&evaluation);
    options_.clear_results();
    AddResult("a", evaluation, "learning-curves");
    ExpectFailure(65, {words});
  };
  refused([](v1::Evaluation* e) { IntervalsOf(e)->clear_low(); },
          "0 lower and 1 upper values for 1 places");
  refused([](v1::Evaluation* e) { IntervalsOf(e)->add_y(2); }, "2 values for 1 categories");
  refused([](v1::Evaluation* e) { IntervalsOf(e)->add_notes("x"); },
          "2 notes or marks for 1 places");
  refused([](v1::Evaluation* e) { IntervalsOf(e)->add_partial(true); },
          "2 notes or marks for 1 places");
  refused(
      [](v1::Evaluation* e) {
        e->add_tables()->set_title("ragged");
        e->mutable_tables(0)->add_rows()->add_cells();
      },
      "table \"ragged\": a row has 1 cells for 0 columns");
}

TEST_F(ReportStagesTest, ScoresOfDifferentImagesAreNotComparedInOneColumn) {
  for (const char* encoder : {"one", "two"}) {
    v1::Evaluation evaluation = MadeUpEvaluation("knn", encoder);
    AddMadeUpScore("label, k = 1", 0.5, &evaluation);
    if (encoder[0] == 't') evaluation.mutable_sets(0)->set_dataset_fingerprint("eeee");
    AddResult(encoder, evaluation, "knn");
  }
  ExpectFailure(65, {"column 'label, k = 1'", "'one' and 'two'", "dddd", "eeee"});
  options_.add_groups("cifar10");
  options_.add_groups("flowers17");
  ASSERT_OK(Run());
  EXPECT_EQ(table_.stages(0).columns(1).name(), "flowers17 label, k = 1");
  options_.set_groups(0, "-");
  ASSERT_OK(Run());
  EXPECT_EQ(table_.stages(0).columns(0).name(), "label, k = 1");
}

}  // namespace
}  // namespace cassle
