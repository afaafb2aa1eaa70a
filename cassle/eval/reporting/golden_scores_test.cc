#include "cassle/eval/reporting/golden_scores.h"

#include <limits>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// Names and columns hold commas and quotes.
constexpr char kGolden[] =
    "stage,row,column,value\n"
    "probe,plain,hue,0.5000\n"
    "probe,\"plain, \"\"told\"\"\",hue,0.7500\n"
    "knn,plain,\"hue, k = 5\",0.2500\n";
constexpr char kBounds[] =
    "# A comment.\n"
    "stage,row,column,within\n"
    "probe,*,hue,0.04\n"
    "knn,plain,\"hue, k = 5\",0.02\n";
constexpr char kClaims[] =
    "stage,column,more,less,by\n"
    "probe,hue,\"plain, \"\"told\"\"\",plain,0.2\n";

void AddScore(const std::string& row, const std::string& column, double value,
              v1::StageTable* table) {
  if (table->columns_size() == 0) table->add_columns()->set_name(column);
  v1::ReportRow* added = table->add_rows();
  added->set_name(row);
  added->add_cells()->add_runs()->set_value(value);
}

v1::ReportTable Report(double plain, double knn) {
  v1::ReportTable report;
  v1::StageTable* probe = report.add_stages();
  probe->set_stage("probe");
  AddScore("plain", "hue", plain, probe);
  AddScore("plain, \"told\"", "hue", 0.75000000000000004, probe);
  v1::StageTable* neighbors = report.add_stages();
  neighbors->set_stage("knn");
  AddScore("plain", "hue, k = 5", knn, neighbors);
  return report;
}

std::string Without(const std::string& text, const std::string& line) {
  EXPECT_THAT(text, HasSubstr(line));
  return absl::StrReplaceAll(text, {{line, ""}});
}

absl::StatusOr<GoldenComparison> Compare(const v1::ReportTable& report,
                                         const std::string& golden = kGolden,
                                         const std::string& bounds = kBounds,
                                         const std::string& claims = kClaims) {
  CASSLE_ASSIGN_OR_RETURN(CsvTable old, ParseCsv(golden, "golden.csv", CsvComments::kSkipped));
  CASSLE_ASSIGN_OR_RETURN(CsvTable within, ParseCsv(bounds, "bounds.csv", CsvComments::kSkipped));
  CASSLE_ASSIGN_OR_RETURN(CsvTable claimed, ParseCsv(claims, "claims.csv", CsvComments::kSkipped));
  return CompareWithGolden(report, std::move(old), within, claimed);
}

TEST(GoldenScoresTest, WhatIsAsGoldenPasses) {
  ASSERT_OK_AND_ASSIGN(const GoldenComparison comparison, Compare(Report(0.5, 0.25)));
  EXPECT_EQ(comparison.beyond, 0);
  EXPECT_EQ(comparison.broken_claims, 0);
  EXPECT_EQ(comparison.csv, kGolden);
  EXPECT_THAT(comparison.text,
              HasSubstr("3 scores, 0 not as golden, 0 of them beyond bounds or unknown; 0 of 1 "
                        "claims do not hold"));
}

TEST(GoldenScoresTest, ScoresMayMoveToTheirBoundsOnEitherSide) {
  ASSERT_OK_AND_ASSIGN(const GoldenComparison at, Compare(Report(0.54, 0.23)));
  EXPECT_EQ(at.beyond, 0);
  EXPECT_THAT(at.text, HasSubstr("3 scores, 2 not as golden, 0 of them beyond"));
  ASSERT_OK_AND_ASSIGN(const GoldenComparison below, Compare(Report(0.4599, 0.25)));
  EXPECT_EQ(below.beyond, 1);
  EXPECT_THAT(below.text,
              ContainsRegex("\nprobe: plain: hue +0.5000 +0.4599 +-0.0401 +0.04 +BEYOND\n"));
  ASSERT_OK_AND_ASSIGN(const GoldenComparison above, Compare(Report(0.5, 0.2701)));
  EXPECT_EQ(above.beyond, 1);
  EXPECT_THAT(above.text,
              ContainsRegex("\nknn: plain: hue, k = 5 +0.2500 +0.2701 +[+]0.0201 +0.02 +BEYOND\n"));
}

TEST(GoldenScoresTest, ARowsOwnBoundGoesBeforeThatOfAllRows) {
  ASSERT_OK_AND_ASSIGN(
      const GoldenComparison comparison,
      Compare(Report(0.51, 0.25), kGolden, absl::StrCat(kBounds, "probe,plain,hue,0.005\n")));
  EXPECT_EQ(comparison.beyond, 1);
  EXPECT_THAT(comparison.text, ContainsRegex("\nprobe: plain: hue .* 0.005 +BEYOND\n"));
}

TEST(GoldenScoresTest, ClaimsAreNotAMatterOfBounds) {
  const std::string wide = absl::StrReplaceAll(kBounds, {{"0.04", "0.1"}});
  ASSERT_OK_AND_ASSIGN(const GoldenComparison comparison,
                       Compare(Report(0.56, 0.25), kGolden, wide));
  EXPECT_EQ(comparison.beyond, 0);
  EXPECT_EQ(comparison.broken_claims, 1);
  EXPECT_THAT(comparison.text, HasSubstr("probe, hue: plain, \"told\" is +0.1900 from plain, "
                                         "claimed at least +0.2000: DOES NOT HOLD\n"));
}

TEST(GoldenScoresTest, NewGoneAndUnboundScoresAreNotAsGolden) {
  const std::string knn_golden = "knn,plain,\"hue, k = 5\",0.2500\n";
  const std::string knn_bound = "knn,plain,\"hue, k = 5\",0.02\n";
  ASSERT_OK_AND_ASSIGN(const GoldenComparison added,
                       Compare(Report(0.5, 0.25), Without(kGolden, knn_golden)));
  EXPECT_EQ(added.beyond, 1);
  EXPECT_THAT(added.text, ContainsRegex("\nknn: [^\n]* NEW\n"));
  v1::ReportTable one_stage = Report(0.5, 0.25);
  one_stage.mutable_stages()->RemoveLast();
  ASSERT_OK_AND_ASSIGN(const GoldenComparison gone, Compare(one_stage));
  EXPECT_EQ(gone.beyond, 1);
  EXPECT_THAT(gone.text, ContainsRegex("\nknn: [^\n]* 0.2500 [^\n]* GONE\n"));
  ASSERT_OK_AND_ASSIGN(const GoldenComparison unbound,
                       Compare(Report(0.5, 0.25), kGolden, Without(kBounds, knn_bound)));
  EXPECT_EQ(unbound.beyond, 1);
  EXPECT_THAT(unbound.text, ContainsRegex("\nknn: [^\n]* NO BOUND\n"));
}

TEST(GoldenScoresTest, AClaimAboutNothingIsNamedWithWhatThereIs) {
  const struct {
    const char* claim;
    const char* message;
  } cases[] = {
      {"probes,hue,plain,plain,0",
       "claims.csv:2: there is no stage 'probes'; there are probe; knn"},
      {"probe,hue,nobody,plain,0",
       "claims.csv:2: there is no row 'nobody' in probe; there are plain; plain, \"told\""},
      {"probe,hue,plain,nobody,0", "claims.csv:2: there is no row 'nobody' in probe"},
      {"probe,\"hue, k = 5\",plain,plain,0",
       "claims.csv:2: there is no column 'hue, k = 5' in probe; there are hue"},
  };
  for (const auto& c : cases) {
    const auto status = Compare(Report(0.5, 0.25), kGolden, kBounds,
                                absl::StrCat("stage,column,more,less,by\n", c.claim, "\n"))
                            .status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                 AllOf(HasSubstr(c.message), Not(HasSubstr("\n")))))
        << c.claim;
  }
}

TEST(GoldenScoresTest, OtherMistakesAreNamedToo) {
  const v1::ReportTable report = Report(0.5, 0.25);
  EXPECT_THAT(Compare(Report(std::numeric_limits<double>::quiet_NaN(), 0.25)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("probe, plain, hue is nan")));
  EXPECT_THAT(Compare(report, kGolden, absl::StrReplaceAll(kBounds, {{"0.04", "four"}})),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("bounds.csv:3: within 'four' is not a number")));
  EXPECT_THAT(Compare(report, kGolden, kBounds, absl::StrReplaceAll(kClaims, {{",by", ",margin"}})),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("claims.csv:1: no column is called 'by'")));
  EXPECT_THAT(
      Compare(report, kGolden, kBounds, absl::StrReplaceAll(kClaims, {{"0.2", "much"}})),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("claims.csv:2: by 'much' is not a number")));
  EXPECT_THAT(Compare(report, absl::StrCat(kGolden, "probe,plain,hue,0.5\n")),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("golden.csv:5: probe, plain, hue is there twice")));
  EXPECT_THAT(Compare(v1::ReportTable()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the report has no scores")));
}

class GoldenScoresToolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    for (const char* folder : {"table", "source"}) ASSERT_OK(MakeDirectories(Path(folder)));
    ASSERT_OK(WriteFile(Path("golden.csv"), kGolden));
    ASSERT_OK(WriteFile(Path("bounds.csv"), kBounds));
    ASSERT_OK(WriteFile(Path("claims.csv"), kClaims));
    PutReport(Report(0.5, 0.25));
  }

  std::string Path(const std::string& name) const { return JoinPath(root_, name); }

  void PutReport(const v1::ReportTable& report) {
    ASSERT_OK_AND_ASSIGN(const std::string json, ToJson(report));
    ASSERT_OK(WriteFile(Path("table/table.json"), json));
  }

  absl::StatusOr<bool> Run(const std::string& command, const std::string& golden,
                           const std::string& source_tree = "") {
    said_.str("");
    return RunGoldenScores({command, Path("table"), golden, Path("bounds.csv"), Path("claims.csv")},
                           source_tree, said_);
  }

  bool AsGolden(const std::string& command, const std::string& golden,
                const std::string& source_tree = "") {
    const absl::StatusOr<bool> as_golden = Run(command, golden, source_tree);
    EXPECT_OK(as_golden);
    return as_golden.ok() && *as_golden;
  }

  std::string root_;
  std::ostringstream said_;
};

TEST_F(GoldenScoresToolTest, ComparingSaysHowToRefresh) {
  EXPECT_TRUE(AsGolden("compare", Path("golden.csv")));
  PutReport(Report(0.4, 0.25));
  EXPECT_FALSE(AsGolden("compare", Path("golden.csv")));
  EXPECT_THAT(said_.str(), HasSubstr(absl::StrCat("bazel run //", root_, ":refresh shows it")));
}

TEST_F(GoldenScoresToolTest, RefreshingWritesIntoTheSourceTreeWhatTheComparisonWants) {
  PutReport(Report(0.40000000000000002, 0.25));
  ASSERT_OK(WriteFile(Path("source/golden.csv"), kGolden));
  EXPECT_TRUE(AsGolden("refresh", "golden.csv", Path("source")));
  EXPECT_THAT(said_.str(),
              ContainsRegex("\nprobe: plain: hue +0.5000 +0.4000 +-0.1000 +0.04 +BEYOND\n"));
  EXPECT_TRUE(AsGolden("compare", Path("source/golden.csv")));
  EXPECT_TRUE(AsGolden("refresh", "golden.csv", Path("source")));
  EXPECT_THAT(said_.str(), HasSubstr("golden.csv is up to date\n"));
  // From nothing it is the same.
  EXPECT_TRUE(AsGolden("refresh", "new.csv", Path("source")));
  ASSERT_OK_AND_ASSIGN(const std::string refreshed, ReadFile(Path("source/golden.csv")));
  ASSERT_OK_AND_ASSIGN(const std::string made, ReadFile(Path("source/new.csv")));
  EXPECT_EQ(refreshed, made);
}

TEST_F(GoldenScoresToolTest, WhatBreaksAClaimIsNotWritten) {
  PutReport(Report(0.7, 0.25));
  EXPECT_FALSE(AsGolden("refresh", Path("golden.csv")));
  EXPECT_THAT(said_.str(), HasSubstr("refreshing does not help"));
  ASSERT_OK_AND_ASSIGN(const std::string kept, ReadFile(Path("golden.csv")));
  EXPECT_EQ(kept, kGolden);
}

TEST_F(GoldenScoresToolTest, MissingFilesAndWrongUseAreNamed) {
  EXPECT_THAT(Run("compare", Path("missing.csv")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.csv")));
  EXPECT_THAT(Run("renew", Path("golden.csv")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("usage: golden-scores")));
  ASSERT_OK(WriteFile(Path("table/table.json"), "{\"stages\": 1}"));
  EXPECT_THAT(Run("compare", Path("golden.csv")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("table.json: ")));
  ASSERT_OK(RemoveAll(Path("table")));
  EXPECT_THAT(Run("refresh", Path("golden.csv")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("table.json")));
}

}  // namespace
}  // namespace cassle
