// report --follow, and runs side by side.
#include "cassle/eval/reporting/follow_runs.h"

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/eval/reporting/report_page_testutil.h"
#include "cassle/stage/folder_lock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kReload[] = "http-equiv=\"refresh\"";

class FollowRunsTest : public ReportTest {
 protected:
  void SetUp() override {
    ReportTest::SetUp();
    options_.set_follow(Path("page.html"));
    options_.set_follow_seconds(0.05);
    settings_.interrupted = &interrupted_;
  }

  // A training in its second epoch that is just writing a line.
  std::map<std::string, std::string> HalfATraining() {
    auto files = MadeUpTraining("moco_v2", 0);
    std::string& metrics = files["metrics.jsonl"];
    metrics.resize(metrics.find("\"step\":300") + 20);
    files["config.textproto"] = "epochs: 2\nbase_lr: 0.5\n";
    return files;
  }

  std::string Page() { return ReadFile(Path("page.html")).value_or(""); }

  // Of a thread beside; whoever waits in vain fails.
  void WaitFor(const std::function<bool()>& condition) {
    const absl::Time limit = absl::Now() + absl::Seconds(60);
    while (!condition() && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(5));
    EXPECT_TRUE(condition());
  }

  std::atomic<bool> interrupted_ = false;
};

TEST_F(FollowRunsTest, ARunIsShownWhileItGoesOnAndReportedWhenItIsDone) {
  std::string page_of_half;
  std::thread training([&] {
    v1::ReportOptions made_by;
    made_by.set_output(Path("model"));
    EXPECT_OK(RunStageWork({"pretrain", 1, "", /*resumable=*/true}, made_by, {.omit_costs = true},
                           [&](const google::protobuf::Message&, StageContext& context) {
                             const auto write = [&](const auto& files) {
                               for (const auto& [name, bytes] : files) {
                                 EXPECT_OK(WriteFile(JoinPath(context.output_dir(), name), bytes));
                               }
                             };
                             write(HalfATraining());
                             EXPECT_OK(context.KeepRecord());
                             WaitFor([&] { return Page().find("step 299") != std::string::npos; });
                             page_of_half = Page();
                             write(MadeUpTraining("moco_v2", 0));
                             WaitFor([&] { return Page().find("step 500") != std::string::npos; });
                             return absl::OkStatus();
                           })
                  .status());
  });
  WaitFor([&] { return FileExists(Path("model.partial/metrics.jsonl")); });
  options_.add_results(Path("model.partial"));
  ASSERT_OK(Run());
  training.join();
  EXPECT_THAT(page_of_half, AllOf(HasSubstr(kReload), HasSubstr("epoch 2 of 2, step 299, going on"),
                                  HasSubstr("Training so far"), HasSubstr("<svg ")));
  // The last page is that of the report, which loads itself no more.
  EXPECT_THAT(Page(), AllOf(Not(HasSubstr(kReload)), HasSubstr("as measured at its end")));
  EXPECT_EQ(Page(), Read("report.html"));

  // By the name of its output it is the same report.
  options_.set_results(0, Path("model"));
  settings_.force = false;
  ASSERT_OK_AND_ASSIGN(const StageOutcome again,
                       RunStage(ReportInfo(), options_, settings_, RunReport));
  EXPECT_TRUE(again.up_to_date);
}

TEST_F(FollowRunsTest, ARunThatWasStoppedIsShownAsFarAsItCame) {
  ASSERT_OK(WriteStoppedStage("pretrain", Path("model"), HalfATraining()));
  options_.add_results(Path("model"));
  ExpectFailure(75, {"model is not finished, and no process works at it", "page.html shows"});
  EXPECT_THAT(Page(), AllOf(HasSubstr("step 299, stopped"), Not(HasSubstr(kReload))));
  EXPECT_FALSE(FileExists(Path("report")));
}

TEST_F(FollowRunsTest, AnInterruptionLeavesThePage) {
  ASSERT_OK(WriteStoppedStage("pretrain", Path("model"), HalfATraining()));
  FolderLock running;
  ASSERT_OK(running.Take(Path("model.partial"), "model"));
  AddFolder("pretrain", "done", MadeUpTraining("byol", 0.5));
  options_.add_results(Path("model.partial/"));
  options_.add_results(Path("young.partial"));
  ASSERT_OK(MakeDirectories(Path("young.partial")));
  FolderLock young;
  ASSERT_OK(young.Take(Path("young.partial"), "young"));
  // Columns that only the finished report may lack.
  options_.add_columns("probe accuracy");
  interrupted_ = true;
  ExpectFailure(75, {"interrupted", "page.html stays"});
  EXPECT_THAT(Page(), AllOf(HasSubstr("content=\"1\""), ContainsRegex("done, finished"),
                            ContainsRegex("model.partial: epoch 2 of 2, step 299, going on"),
                            ContainsRegex("young: no step yet, going on")));
  // Curves of both in one chart, with a legend.
  EXPECT_THAT(Page(), AllOf(ContainsRegex("class=\"legend\".*byol"), HasSubstr("moco_v2")));
}

TEST_F(FollowRunsTest, WhatIsWrongIsNamed) {
  options_.add_results(Path("nothing"));
  ExpectFailure(66, {"nothing does not exist"});
  options_.set_follow(Path("page"));
  ExpectFailure(64, {"--follow=", "page.html"});
  options_.set_follow(Path("no folder/page.html"));
  ExpectFailure(73, {"--follow: ", "there is no folder"});
  options_.set_follow(Path("page.html"));
  options_.clear_results();
  ExpectFailure(64, {"--results is missing"});
  ASSERT_OK(WriteStoppedStage("pretrain", Path("model"), HalfATraining()));
  options_.add_results(Path("model.partial"));
  options_.clear_follow();
  ExpectFailure(66, {"model.partial is not a complete stage output", "--follow=page.html"});
  auto files = HalfATraining();
  files["metrics.jsonl"] += "\nno metrics\n";
  ASSERT_OK(WriteStoppedStage("pretrain", Path("damaged"), files));
  options_.set_results(0, Path("damaged"));
  options_.set_follow(Path("page.html"));
  ExpectFailure(65, {"metrics.jsonl:301"});
}

class SideBySideTest : public ReportTest {
 protected:
  void AddTraining(const std::string& folder, const std::string& settings) {
    auto files = MadeUpTraining("simclr, 2 epochs", folder[0] == 'a' ? 0 : 0.5);
    files["config.textproto"] = settings;
    AddFolder("pretrain", folder, files);
  }
};

TEST_F(SideBySideTest, TrainingsThatDescribeThemselvesAlikeAreToldApartByTheirSettings) {
  AddTraining("a", "policy: \"cifar\"\nbase_lr: 0.1\nseed: 1\n");
  AddTraining("b", "policy: \"cifar\"\nbase_lr: 0.2\nseed: 2\nclip_gradient_norm: 1\n");
  ASSERT_OK(Run());
  ASSERT_EQ(table_.stages(0).rows_size(), 2);
  EXPECT_EQ(table_.stages(0).rows(0).name(),
            "simclr, 2 epochs, base_lr=0.1, clip_gradient_norm=default");
  EXPECT_EQ(table_.stages(0).rows(1).name(), "simclr, 2 epochs, base_lr=0.2, clip_gradient_norm=1");
  const std::string html = Read("report.html");
  const std::string table = html.substr(html.find("What differs"));
  for (const char* row : {"base_lr</th><td>0.1</td><td>0.2</td>", "seed</th><td>1</td><td>2</td>",
                          "clip_gradient_norm</th><td>default</td><td>1</td>"}) {
    EXPECT_THAT(table, HasSubstr(row));
  }
  EXPECT_THAT(table.substr(0, table.find("</table>")), Not(HasSubstr("policy")));
}

TEST_F(SideBySideTest, SeedsAreAveragedAsEver) {
  AddTraining("a", "seed: 1\n");
  AddTraining("b", "seed: 2\n");
  ASSERT_OK(Run());
  ASSERT_EQ(table_.stages(0).rows_size(), 1);
  EXPECT_EQ(table_.stages(0).rows(0).cells(0).runs_size(), 2);
  EXPECT_THAT(Read("report.html"), HasSubstr("seed</th><td>1</td><td>2</td>"));
}

TEST_F(SideBySideTest, RunsThatDifferInNothingHaveNoTable) {
  AddTraining("a", "seed: 1\n");
  AddTraining("b", "seed: 1\n");
  ASSERT_OK(Run());
  EXPECT_THAT(Read("report.html"), Not(HasSubstr("What differs")));
}

// Results of one encoder, some in cells with others.
class ExperimentsTest : public ReportTest {
 protected:
  void AddExperiment(const std::string& score, double value, const std::string& settings,
                     const std::string& learnt_from = "train") {
    v1::Evaluation evaluation = MadeUpEvaluation("linear-probe", "e");
    AddMadeUpScore(score, value, &evaluation);
    v1::EvaluatedSet* set = evaluation.add_sets();
    set->set_role("train");
    set->set_split(learnt_from);
    set->set_dataset_fingerprint("ffffffffff");
    AddResult(absl::StrCat("r", options_.results_size()), evaluation, "linear-probe",
              {{"config.textproto", settings}});
  }

  std::vector<std::string> RowNames() {
    std::vector<std::string> names;
    for (const v1::ReportRow& row : table_.stages(0).rows()) names.push_back(row.name());
    return names;
  }
};

TEST_F(ExperimentsTest, DifferentExperimentsOfOneEncoderAreNotAveraged) {
  AddExperiment("label", 0.875, "split_seed: 0\n");
  AddExperiment("label", 0.25, "split_seed: 0\nlabels_per_class: 2\n");
  AddExperiment("label", 0.375, "split_seed: 1\nlabels_per_class: 2\n");
  ASSERT_OK(Run());
  EXPECT_THAT(RowNames(), ElementsAre("e, labels_per_class=default", "e, labels_per_class=2"));
  // Seeds are averaged as ever.
  EXPECT_EQ(table_.stages(0).rows(1).cells(0).value(), 0.3125);
  EXPECT_EQ(table_.stages(0).rows(1).cells(0).runs_size(), 2);
}

TEST_F(ExperimentsTest, WhatNoCellHasTogetherStaysInOneRow) {
  AddExperiment("label", 0.5, "target: \"label\"\n");
  AddExperiment("hue", 0.25, "target: \"hue\"\n");
  ASSERT_OK(Run());
  EXPECT_THAT(RowNames(), ElementsAre("e"));
}

TEST_F(ExperimentsTest, WhatLearntFromOtherImagesIsNotAveraged) {
  AddExperiment("label", 0.5, "");
  AddExperiment("label", 0.25, "", "unlabeled");
  ASSERT_OK(Run());
  EXPECT_THAT(RowNames(),
              ElementsAre("e, train=train of ffffffff", "e, train=unlabeled of ffffffff"));
}

TEST_F(ExperimentsTest, NamesSayWhichBelongTogether) {
  AddExperiment("label", 0.5, "metric: COSINE\n");
  AddExperiment("label", 0.25, "metric: EUCLIDEAN\n");
  for (int i = 0; i < 2; ++i) options_.add_names("x");
  ASSERT_OK(Run());
  EXPECT_THAT(RowNames(), ElementsAre("x"));
  EXPECT_THAT(Read("stage.textproto"),
              HasSubstr("runs that are averaged differ in more than seeds: metric"));
}

TEST_F(ExperimentsTest, SeedsUnderOneNameAreNoMixture) {
  for (int seed : {1, 2}) {
    AddExperiment("label", 0.5 / seed, absl::StrCat("split_seed: ", seed, "\n"));
    options_.add_names("x");
  }
  ASSERT_OK(Run());
  EXPECT_THAT(Read("stage.textproto"), Not(HasSubstr("more than seeds")));
}

}  // namespace
}  // namespace cassle
