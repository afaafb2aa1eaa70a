// A report's scores against golden ones, each within a bound, and claims about them that hold on
// any machine: the golden table of CONTRIBUTING.md.
//
//   golden-scores compare TABLE GOLDEN BOUNDS CLAIMS   are all scores within bounds, do all claims
//                                                      hold?
//   golden-scores refresh TABLE GOLDEN BOUNDS CLAIMS   shows the same; writes GOLDEN unless a claim
//                                                      fails
//
// TABLE is a folder of report. The others are CSV (cassle/base/csv.h), lines with # left out:
//   GOLDEN  stage,row,column,value         four decimals: beyond that machines always differ
//   BOUNDS  stage,row,column,within        row * means the rows that are not named
//   CLAIMS  stage,column,more,less,by      score of row `more` - score of row `less` >= by
#ifndef CASSLE_EVAL_REPORTING_GOLDEN_SCORES_H_
#define CASSLE_EVAL_REPORTING_GOLDEN_SCORES_H_

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/base/csv.h"
#include "cassle/eval/reporting/report_table.pb.h"

namespace cassle {

struct GoldenComparison {
  // A line per score and per claim, and the totals.
  std::string text;
  // GOLDEN as these scores have it.
  std::string csv;
  // Scores beyond their bound or without one, new ones, and golden ones that are gone.
  int beyond = 0;
  int broken_claims = 0;
};

// golden: absent where there is none yet.
// \error kDataLoss or kFailedPrecondition, naming the file and the line, if one of them lacks a
// column, has a line twice or a value that is no number, or if a claim is about a stage, row or
// column that the report does not have.
absl::StatusOr<GoldenComparison> CompareWithGolden(const v1::ReportTable& report,
                                                   const std::optional<CsvTable>& golden,
                                                   const CsvTable& bounds, const CsvTable& claims);

// The tool; arguments without the program's name. source_tree: where refresh writes, if not empty.
// False if a score is not as golden or a claim does not hold; `out` says which.
// \error kInvalidArgument with the usage; kNotFound for a missing file; as CompareWithGolden.
absl::StatusOr<bool> RunGoldenScores(const std::vector<std::string>& arguments,
                                     const std::string& source_tree, std::ostream& out);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_GOLDEN_SCORES_H_
