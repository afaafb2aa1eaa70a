// What tests of the stage report have in common: made-up results, a run, its files.
#ifndef CASSLE_EVAL_REPORTING_REPORT_PAGE_TESTUTIL_H_
#define CASSLE_EVAL_REPORTING_REPORT_PAGE_TESTUTIL_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/reporting/report_stage.h"
#include "cassle/eval/reporting/report_table.pb.h"
#include "cassle/eval/reporting/report_testutil.h"
#include "cassle/stage/stage_main.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace cassle {

class ReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(MakeDirectories(root_));
    options_.set_title("A <title> & more");
    options_.set_output(Path("report"));
    settings_.omit_costs = true;
    settings_.force = true;
  }

  std::string Path(const std::string& name) const { return JoinPath(root_, name); }

  // A folder of `stage` whose result.textproto is the message.
  void AddResult(const std::string& folder, const google::protobuf::Message& result,
                 const std::string& stage = "linear-probe",
                 std::map<std::string, std::string> files = {}) {
    files["result.textproto"] = PrintTextProto(result);
    AddFolder(stage, folder, files);
  }

  void AddFolder(const std::string& stage, const std::string& folder,
                 const std::map<std::string, std::string>& files) {
    ASSERT_OK(WriteStageFolder(stage, Path(folder), files));
    options_.add_results(Path(folder));
  }

  absl::Status Run() {
    const auto outcome = RunStage(ReportInfo(), options_, settings_, RunReport);
    if (!outcome.ok()) return outcome.status();
    table_.Clear();
    CASSLE_ASSIGN_OR_RETURN(const std::string json, ReadFile(Path("report/table.json")));
    EXPECT_EQ(json, outcome->manifest.result_json() + "\n");
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &table_).ok());
    return absl::OkStatus();
  }

  void ExpectFailure(int exit_code, const std::vector<std::string>& words) {
    const absl::Status status = Run();
    EXPECT_EQ(ExitCode(status), exit_code) << status;
    for (const std::string& word : words) {
      EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(word));
    }
  }

  // A file of the report.
  std::string Read(const std::string& name) { return ReadFile(Path("report/" + name)).value(); }

  std::vector<std::string> Lines(const std::string& name) {
    return absl::StrSplit(Read(name), '\n');
  }

  std::string root_;
  v1::ReportOptions options_;
  StageSettings settings_;
  v1::ReportTable table_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_PAGE_TESTUTIL_H_
