#include "cassle/eval/curves/learning_curves_stage.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/curves/curves_text.h"
#include "cassle/eval/curves/kept_links.h"
#include "cassle/eval/curves/learning_curves.h"
#include "cassle/eval/result/evaluation.h"

namespace cassle {
namespace {

v1::Chart* AddChart(const std::string& name, const std::string& title, const std::string& y_label,
                    v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(name);
  chart->set_title(title);
  chart->set_kind(v1::Chart::LINES);
  chart->mutable_x()->set_label("epochs");
  chart->mutable_x()->set_logarithmic(true);
  chart->mutable_y()->set_label(y_label);
  return chart;
}

void AddPoint(double x, double y, double low, double high, v1::ChartLine* line) {
  line->add_x(x);
  line->add_y(100 * y);
  line->add_low(100 * low);
  line->add_high(100 * high);
}

void AddLevels(const RowCurves& curves, int column, v1::Chart* chart) {
  v1::ChartLine* line = chart->add_series();
  line->set_name(curves.row.title());
  for (const LevelPoint& point : curves.columns[column].levels) {
    const double spread = point.spread.value_or(std::numeric_limits<double>::quiet_NaN());
    AddPoint(point.epochs, point.accuracy, point.accuracy - spread, point.accuracy + spread, line);
  }
}

// Of the baseline itself: nothing.
void AddGains(const RowCurves& curves, int column, v1::Chart* chart) {
  v1::ChartLine* line = chart->add_series();
  line->set_name(curves.row.title());
  if (curves.row.baseline().empty()) {
    for (const LevelPoint& point : curves.columns[column].levels) {
      AddPoint(point.epochs, 0, 0, 0, line);
    }
  }
  for (const GainPoint& point : curves.columns[column].gains) {
    AddPoint(point.epochs, point.gain.mean, point.gain.low, point.gain.high, line);
  }
}

// Of one column: the baseline and all rows that are compared with it.
void AddCharts(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves, int column,
               const v1::PlannedRow& baseline, v1::Evaluation* evaluation) {
  std::vector<const RowCurves*> rows;
  bool known = false;
  for (const RowCurves& row : curves) {
    if (row.row.key() != baseline.key() && row.row.baseline() != baseline.key()) continue;
    rows.push_back(&row);
    known = known || !row.columns[column].levels.empty();
  }
  if (!known) return;
  const std::string what = absl::StrCat(plan.columns(column), ", ", baseline.title());
  v1::Chart* levels = AddChart(absl::StrCat(what, ": accuracy"),
                               absl::StrCat(what, ": accuracy, and the spread of seeds"),
                               "accuracy, %", evaluation);
  v1::Chart* gains = AddChart(absl::StrCat(what, ": gain"),
                              absl::StrCat(what, ": gain over it, and the 95 % bootstrap interval"),
                              "gain, points", evaluation);
  for (const RowCurves* row : rows) {
    AddLevels(*row, column, levels);
    AddGains(*row, column, gains);
  }
}

}  // namespace

absl::Status RunLearningCurves(const v1::LearningCurvesOptions& options, StageContext& context) {
  if (options.plan().empty()) {
    return absl::InvalidArgumentError(
        "--plan is missing: name the file that a target training_plan makes");
  }
  CASSLE_ASSIGN_OR_RETURN(const v1::TrainingPlan plan, ReadTrainingPlan(options.plan()));
  CASSLE_ASSIGN_OR_RETURN(
      const std::vector<v1::KeptLink> links,
      ReadKeptLinks(plan, {options.results().begin(), options.results().end()}));
  const std::vector<RowCurves> curves = MakeCurves(plan, links, options.bootstrap_seed());

  v1::Evaluation evaluation;
  evaluation.set_stage(LearningCurvesInfo().name);
  evaluation.set_title(plan.title());
  evaluation.set_encoder(plan.title());
  evaluation.set_description(
      "Linear probes on frozen features after each length; every length is a link of one "
      "training.");
  const std::vector<std::string> missing = MissingLinks(plan, links);
  if (!missing.empty()) {
    evaluation.add_warnings(absl::StrCat(missing.size(), " of ", missing.size() + links.size(),
                                         " links are not yet computed; the first is ", missing[0]));
  }
  for (const std::string& broken : BrokenChains(plan, links)) evaluation.add_warnings(broken);
  for (int column = 0; column < plan.columns_size(); ++column) {
    for (const v1::PlannedRow& row : plan.rows()) {
      if (row.baseline().empty()) AddCharts(plan, curves, column, row, &evaluation);
    }
  }
  context.Count("links", static_cast<int64_t>(links.size()));
  context.Count("missing", static_cast<int64_t>(missing.size()));
  const std::string& dir = context.output_dir();
  if (!dir.empty()) {
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, "curves.md"), CurvesMarkdown(plan, curves)));
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, "curves.csv"), CurvesCsv(plan, curves)));
  }
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
