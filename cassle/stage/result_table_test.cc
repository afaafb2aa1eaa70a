#include "cassle/stage/result_table.h"

#include <string>

#include "gtest/gtest.h"

namespace cassle {
namespace {

StageOutcome Outcome(const std::string& result_json) {
  StageOutcome outcome;
  outcome.output = "/tmp/out";
  outcome.manifest.set_stage("knn");
  outcome.manifest.set_result_json(result_json);
  return outcome;
}

TEST(ResultTableTest, ShowsScoresInPerCentWithoutWhatOnlyMachinesRead) {
  StageOutcome outcome = Outcome(
      R"({"stage":"knn","encoder":"simclr","weights_fingerprint":"4fd0","num_features":128,
          "scores":[
            {"name":"label, k = 1","value":1,"is_fraction":true,"better":"HIGHER","num_test":8,
             "metric":"","chance":0.5},
            {"name":"label, k = 20","value":0.8125,"is_fraction":true,"better":"HIGHER",
             "num_test":8,"metric":""}],
          "charts":[{"name":"c","series":[{"x":[1,2]}]}],"pictures":[]})");
  v1::Count* count = outcome.manifest.add_counts();
  count->set_name("train");
  count->set_value(8);
  outcome.manifest.add_notes("8 of 8 test images are in train");
  EXPECT_EQ(OutcomeTable(outcome),
            "knn: done, /tmp/out\n"
            "train         8\n"
            "encoder       simclr\n"
            "num_features  128\n"
            "scores\n"
            "  name           value     num_test  chance\n"
            "  label, k = 1   100.00 %  8         50.00 %\n"
            "  label, k = 20  81.25 %   8\n"
            "note: 8 of 8 test images are in train\n");
}

TEST(ResultTableTest, ShowsOtherResultsByTheirForm) {
  StageOutcome outcome = Outcome(
      R"({"images":16,"splits":[{"name":"train","images":8,"fingerprint":"4fd0"},
                                 {"name":"test","images":8,"fingerprint":"a17c"}],
          "channel_mean":[0.52359375,0.4873950674019608],"inside":{"rank":7.4917010538}})");
  outcome.up_to_date = true;
  EXPECT_EQ(OutcomeTable(outcome),
            "knn: up to date, /tmp/out\n"
            "images        16\n"
            "channel_mean  0.5236, 0.4874\n"
            "inside.rank   7.492\n"
            "splits\n"
            "  name   images\n"
            "  train  8\n"
            "  test   8\n");
}

TEST(ResultTableTest, LongListsEndAndWidthIsThatOfLetters) {
  std::string rows;
  for (int i = 0; i < 25; ++i) rows += (i > 0 ? "," : "") + std::string(R"({"n":"ä","v":1.5})");
  const std::string table = OutcomeTable(Outcome("{\"rows\":[" + rows + "]}"));
  EXPECT_NE(table.find("rows\n  n  v\n  ä  1.5\n"), std::string::npos) << table;
  EXPECT_NE(table.find("  ... and 5 more\n"), std::string::npos) << table;
}

TEST(ResultTableTest, NoResultIsOneLine) {
  EXPECT_EQ(OutcomeTable(Outcome("")), "knn: done, /tmp/out\n");
}

}  // namespace
}  // namespace cassle
