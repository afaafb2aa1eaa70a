// Learning curves as text: tables for people, numbers for programs.
#ifndef CASSLE_EVAL_CURVES_CURVES_TEXT_H_
#define CASSLE_EVAL_CURVES_CURVES_TEXT_H_

#include <string>
#include <vector>

#include "cassle/eval/curves/kept_links.pb.h"
#include "cassle/eval/curves/learning_curves.h"
#include "cassle/eval/result/evaluation.pb.h"

namespace cassle {

// Two tables per length, accuracies with costs and gains with intervals. Rows of which nothing is
// known say "not yet computed".
std::vector<v1::TextTable> CurveTables(const v1::TrainingPlan& plan,
                                       const std::vector<RowCurves>& curves);

// These tables with their titles and notes.
std::string CurvesMarkdown(const std::vector<v1::TextTable>& tables);

// One line per row, column and length that is known, all digits; fractions and seconds. Rows and
// baselines by the plan's keys, rows by their titles too.
std::string CurvesCsv(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves);

}  // namespace cassle

#endif  // CASSLE_EVAL_CURVES_CURVES_TEXT_H_
