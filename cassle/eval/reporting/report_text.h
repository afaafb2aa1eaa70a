// Result tables as words and figures: what the page, Markdown, CSV and LaTeX have in common, and
// the first two of them. LaTeX: report_latex.h.
#ifndef CASSLE_EVAL_REPORTING_REPORT_TEXT_H_
#define CASSLE_EVAL_REPORTING_REPORT_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cassle/eval/reporting/report_table.pb.h"

namespace cassle {

// Rows of cells, the first row and the first column being headings.
using TextGrid = std::vector<std::vector<std::string>>;

// All tables that have rows and columns.
std::vector<v1::StageTable> TablesOf(const v1::ReportTable& report);

// The stage's own, or the report's where there is one table only.
std::string TableTitle(const v1::ReportTable& report, const v1::StageTable& table);
// What the numbers are where every column says its metric: "test top-1 accuracy, %", and what
// marked columns have instead; else nothing.
std::string TableSubject(const v1::StageTable& table);
// "label, k = 20 (%)", with an arrow down where lower is better; among columns of several metrics
// those are marked that have another than most. What the subject says is not repeated.
std::string ColumnHeading(const v1::StageTable& table, const v1::ReportColumn& column);
// Name of the last line.
std::string ChanceName(const v1::StageTable& table);
bool HasChance(const v1::StageTable& table);
// What the ± of this table mean; empty if it has none.
std::string PlusMinusNote(const v1::StageTable& table);

// "71.3", "71.3 ± 0.8", or "-" when there is no run.
std::string CellText(const v1::ReportColumn& column, const v1::ReportCell& cell);
// The number alone; per cent for fractions.
std::string NumberText(const v1::ReportColumn& column, double value);
// Tables of more columns than fit on a page stand with their scores downwards.
bool IsTurned(const v1::StageTable& table);
TextGrid Turned(const TextGrid& grid);

// Two standard errors of a difference of two accuracies around 70 % on num_test images each, in
// points: below it a difference may well be chance.
double NoisePoints(int64_t num_test);

// One line per row, aligned for reading as it is; best of each column in bold, chance as the last
// row; tables one below the other.
std::string TableMarkdown(const v1::ReportTable& report);

// Every number of every table, one line per run, all digits; empty where there is none:
// stage,row,column,source,value,half_width,chance,better,num_test,best,metric
std::string ScoresCsv(const v1::ReportTable& report);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_TEXT_H_
