#include "cassle/eval/curves/kept_links.h"

#include <functional>
#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/curves/curves_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using KeptLinksTest = CurvesTest;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

TEST_F(KeptLinksTest, RightAnswersReadBitByBitFromTheHighest) {
  v1::KeptProbe probe;
  probe.set_num_test(6);
  probe.set_right("a4");
  EXPECT_THAT(RightAnswers(probe), ElementsAre(1, 0, 1, 0, 0, 1));
}

TEST_F(KeptLinksTest, APlanMayHoldWhatIsForOthers) {
  std::string json = ToJson(plan_).value();
  json.insert(1, "\"programs\":{\"pretrain\":\"bin/pretrain\"},");
  ASSERT_OK(WriteFile(Path("plan.json"), json));
  ASSERT_OK_AND_ASSIGN(const v1::TrainingPlan plan, ReadTrainingPlan(Path("plan.json")));
  EXPECT_EQ(plan.rows(1).title(), "Told, of all");
}

TEST_F(KeptLinksTest, PlansThatMakeNoSenseAreRefusedByName) {
  const v1::TrainingPlan good = plan_;
  const auto expect = [&](const std::function<void(v1::TrainingPlan*)>& spoil,
                          const std::string& words) {
    v1::TrainingPlan plan = good;
    spoil(&plan);
    EXPECT_THAT(ReadTrainingPlan(WriteJson("plan.json", plan)),
                StatusIs(kDataLoss, AllOf(HasSubstr("plan.json"), HasSubstr(words))));
  };
  expect([](v1::TrainingPlan* plan) { plan->clear_epochs(); }, "epochs, ascending");
  expect([](v1::TrainingPlan* plan) { plan->add_epochs(20); }, "epochs, ascending");
  expect([](v1::TrainingPlan* plan) { plan->add_seeds(2); }, "seeds, ascending");
  expect([](v1::TrainingPlan* plan) { plan->add_columns("hue"); }, "columns, each once");
  expect([](v1::TrainingPlan* plan) { plan->clear_rows(); }, "rows");
  expect([](v1::TrainingPlan* plan) { plan->mutable_rows(1)->set_title("Plain"); }, "of its own");
  expect([](v1::TrainingPlan* plan) { plan->mutable_rows(1)->clear_key(); }, "of its own");
  expect([](v1::TrainingPlan* plan) { plan->mutable_rows(1)->add_seeds(3); },
         "seeds of row 'told'");
  expect([](v1::TrainingPlan* plan) { plan->mutable_rows(1)->set_baseline("plian"); }, "'plian'");
  expect([](v1::TrainingPlan* plan) { plan->mutable_rows(1)->set_baseline("told"); }, "no other");
  ASSERT_OK(WriteFile(Path("text.json"), "epochs: 10"));
  EXPECT_THAT(ReadTrainingPlan(Path("text.json")),
              StatusIs(kDataLoss, AllOf(HasSubstr("text.json"), Not(HasSubstr("\n")))));
  EXPECT_THAT(ReadTrainingPlan(Path("none.json")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.json")));
}

TEST_F(KeptLinksTest, DamagedLinksAreRefusedByName) {
  const auto expect = [&](const std::function<void(v1::KeptLink*)>& spoil,
                          const std::string& words) {
    v1::KeptLink link = MakeLink("told", 2, 30, "f0", 4);
    spoil(&link);
    EXPECT_THAT(ReadKeptLinks(plan_, {WriteJson("link.json", link)}),
                StatusIs(kDataLoss, AllOf(HasSubstr("link.json"), HasSubstr(words))));
  };
  expect([](v1::KeptLink* link) { link->mutable_probes(0)->set_right("f"); }, "1 digits");
  expect([](v1::KeptLink* link) { link->mutable_probes(0)->set_right("fg"); }, "a character");
  expect([](v1::KeptLink* link) { link->mutable_probes(0)->set_num_right(5); }, "4 right answers");
  expect([](v1::KeptLink* link) { link->mutable_probes(0)->set_num_test(0); }, "no test images");
  expect([](v1::KeptLink* link) { link->mutable_probes()->RemoveLast(); }, "0 probes of 'class'");
  expect(
      [](v1::KeptLink* link) {
        link->mutable_probes(0)->set_num_test(6);
        link->mutable_probes(0)->set_right("f2");
      },
      "answers behind those of its 6 images");
  expect([](v1::KeptLink* link) { link->set_cpu_seconds(-5); }, "a cost is -5");
  expect([](v1::KeptLink* link) { link->set_row("untold"); }, "no row 'untold'");
  expect([](v1::KeptLink* link) { link->set_seed(3); }, "no seed 3 of 'told'");
  plan_.mutable_rows(1)->add_seeds(1);
  expect([](v1::KeptLink*) {}, "no seed 2 of 'told'");
  plan_.mutable_rows(1)->clear_seeds();
  expect([](v1::KeptLink* link) { link->set_epochs(20); }, "after 20 epochs");
  expect([](v1::KeptLink* link) { link->set_flags("--method=other"); }, "other flags");
  expect([](v1::KeptLink*) {}, "rename it to told_2_at_30.json");
  ASSERT_OK(WriteFile(Path("link.json"), R"({"row":"told","colour":1})"));
  EXPECT_THAT(ReadKeptLink(Path("link.json")),
              StatusIs(kDataLoss, AllOf(HasSubstr("link.json"), HasSubstr("colour"))));
}

TEST_F(KeptLinksTest, LinksThatContradictEachOtherAreRefusedByTheirNames) {
  for (const char* folder : {"here", "there"}) ASSERT_OK(MakeDirectories(Path(folder)));
  const v1::KeptLink link = MakeLink("told", 2, 30, "f0", 4);
  const std::string one = WriteJson("here/told_2_at_30.json", link);
  const std::string same = WriteJson("there/told_2_at_30.json", link);
  EXPECT_THAT(ReadKeptLinks(plan_, {one, same}),
              StatusIs(kDataLoss, AllOf(HasSubstr("here/told"), HasSubstr("there/told"))));
  v1::KeptLink other = MakeLink("plain", 2, 30, "f0", 4);
  other.mutable_probes(0)->set_dataset_fingerprint("other images");
  EXPECT_THAT(ReadKeptLinks(plan_, {one, WriteJson("plain_2_at_30.json", other)}),
              StatusIs(kDataLoss, AllOf(HasSubstr("told_2_at_30"), HasSubstr("plain_2_at_30"),
                                        HasSubstr("'hue' was tested on different images"))));
}

}  // namespace
}  // namespace cassle
