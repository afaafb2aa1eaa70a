#include "cassle/eval/curves/learning_curves_stage.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/charts/chart_frame.h"
#include "cassle/eval/curves/curves_text.h"
#include "cassle/eval/curves/kept_links.h"
#include "cassle/eval/curves/learning_curves.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/probes/paired_bootstrap.h"

namespace cassle {
namespace {

// A line needs a colour of its own.
constexpr int kMaxLines = kSeriesColors;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

v1::Chart* AddLineChart(const std::string& name, const std::string& title,
                        const std::string& y_label, v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(name);
  chart->set_title(title);
  chart->set_kind(v1::Chart::LINES);
  chart->mutable_x()->set_label("epochs");
  chart->mutable_x()->set_logarithmic(true);
  chart->mutable_y()->set_label(y_label);
  return chart;
}

// Fractions, shown in points. Of fewer seeds than planned the dot is hollow.
void AddValue(int num_planned, int num_seeds, double y, double low, double high,
              v1::ChartLine* line) {
  line->add_y(100 * y);
  line->add_low(100 * low);
  line->add_high(100 * high);
  line->add_partial(num_seeds < num_planned);
  line->add_notes(absl::StrCat(num_seeds, " of ", num_planned, " seeds"));
}

void AddLevels(const v1::TrainingPlan& plan, const RowCurves& curves, int column,
               v1::Chart* chart) {
  v1::ChartLine* line = chart->add_series();
  line->set_name(curves.row.title());
  const int num_planned = SeedsOf(plan, curves.row).size();
  for (const LevelPoint& point : curves.columns[column].levels) {
    const double spread = point.spread.value_or(kUnknown);
    line->add_x(point.epochs);
    AddValue(num_planned, point.num_seeds, point.accuracy, point.accuracy - spread,
             point.accuracy + spread, line);
  }
}

// Over the baseline; of the baseline itself: nothing.
void AddGains(const v1::TrainingPlan& plan, const RowCurves& curves, int column,
              const v1::PlannedRow& baseline, v1::Chart* chart) {
  v1::ChartLine* line = chart->add_series();
  line->set_name(curves.row.title());
  const int num_planned = SeedsOf(plan, curves.row).size();
  if (curves.row.key() == baseline.key()) {
    for (const LevelPoint& point : curves.columns[column].levels) {
      line->add_x(point.epochs);
      AddValue(num_planned, point.num_seeds, 0, 0, 0, line);
    }
    return;
  }
  for (const GainPoint& point : curves.columns[column].gains) {
    line->add_x(point.epochs);
    AddValue(num_planned, point.num_seeds, point.gain.mean, point.gain.low, point.gain.high, line);
  }
}

// Of one column: the baseline and all rows that are compared with it, as far as they are known.
void AddLines(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves, int column,
              const v1::PlannedRow& baseline, v1::Evaluation* evaluation) {
  std::vector<const RowCurves*> known;
  bool compared = false;
  for (const RowCurves& row : curves) {
    if (row.row.key() != baseline.key() && row.row.baseline() != baseline.key()) continue;
    if (!row.columns[column].levels.empty()) known.push_back(&row);
    compared = compared || (row.row.key() != baseline.key() && !row.columns[column].gains.empty());
  }
  if (known.empty()) return;
  const std::string what = absl::StrCat(plan.columns(column), ", ", baseline.title());
  v1::Chart* levels = AddLineChart(absl::StrCat(what, ": accuracy"),
                                   absl::StrCat(what, ": accuracy, and the spread of seeds"),
                                   "accuracy, %", evaluation);
  for (const RowCurves* row : known) AddLevels(plan, *row, column, levels);
  if (!compared) return;
  v1::Chart* gains =
      AddLineChart(absl::StrCat(what, ": gain"),
                   absl::StrCat(plan.columns(column), ": gain over ", baseline.title(),
                                " of the same seeds, and the 95 % bootstrap interval"),
                   "gain, points", evaluation);
  for (const RowCurves* row : known) AddGains(plan, *row, column, baseline, gains);
}

// Of one column: every row that is compared with another, as far as it is known.
void AddIntervals(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves, int column,
                  v1::Evaluation* evaluation) {
  std::vector<const RowCurves*> known;
  for (const RowCurves& row : curves) {
    if (!row.columns[column].gains.empty()) known.push_back(&row);
  }
  if (known.empty()) return;
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(absl::StrCat(plan.columns(column), ": gain"));
  chart->set_title(absl::StrCat(plan.columns(column),
                                ": gain over the baseline of the same seeds, and the 95 % "
                                "bootstrap interval"));
  chart->set_kind(v1::Chart::INTERVALS);
  chart->mutable_y()->set_label("gain, points");
  for (const RowCurves* row : known) chart->mutable_x()->add_categories(row->row.title());
  for (const int epochs : plan.epochs()) {
    v1::ChartLine line;
    line.set_name(absl::StrCat("after ", epochs, epochs == 1 ? " epoch" : " epochs"));
    bool any = false;
    for (const RowCurves* row : known) {
      const int num_planned = SeedsOf(plan, row->row).size();
      const auto& gains = row->columns[column].gains;
      const auto point = std::find_if(gains.begin(), gains.end(),
                                      [&](const GainPoint& gain) { return gain.epochs == epochs; });
      if (point == gains.end()) {
        AddValue(num_planned, 0, kUnknown, kUnknown, kUnknown, &line);
        continue;
      }
      any = true;
      AddValue(num_planned, point->num_seeds, point->gain.mean, point->gain.low, point->gain.high,
               &line);
    }
    if (any) *chart->add_series() = std::move(line);
  }
}

// Lines over the epochs; where a baseline has more rows than there are colours, intervals.
void AddCharts(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves,
               v1::Evaluation* evaluation) {
  // Of every baseline, which has a line too and may itself be compared with another.
  std::map<std::string, int> compared;
  bool fit = true;
  for (const v1::PlannedRow& row : plan.rows()) {
    if (!row.baseline().empty()) fit = ++compared[row.baseline()] < kMaxLines && fit;
  }
  for (int column = 0; column < plan.columns_size(); ++column) {
    if (!fit) AddIntervals(plan, curves, column, evaluation);
    for (const v1::PlannedRow& row : plan.rows()) {
      const bool alone = row.baseline().empty();
      if (fit && (alone || compared.count(row.key()) > 0)) {
        AddLines(plan, curves, column, row, evaluation);
      }
    }
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
  BootstrapSettings bootstrap;
  bootstrap.seed = options.bootstrap_seed();
  bootstrap.resamples = options.resamples();
  const std::vector<RowCurves> curves = MakeCurves(plan, links, bootstrap);

  v1::Evaluation evaluation;
  evaluation.set_stage(LearningCurvesInfo().name);
  evaluation.set_title(plan.title());
  evaluation.set_encoder(plan.title());
  evaluation.set_description(
      "Linear probes on frozen features after each length; every length is a link of one "
      "training. A hollow dot is of fewer seeds than are planned.");
  const std::vector<std::string> missing = MissingLinks(plan, links);
  if (!missing.empty()) {
    evaluation.add_warnings(absl::StrCat(missing.size(), " of ", missing.size() + links.size(),
                                         " links are not yet computed; the first is ", missing[0]));
  }
  // One warning, however many: what began anew on another machine has many.
  const std::vector<std::string> broken = BrokenChains(plan, links);
  if (!broken.empty()) {
    evaluation.add_warnings(absl::StrCat(
        broken.size(), " of ", links.size(),
        " links are of another run of their training than what is kept of it before; the first is ",
        broken[0]));
  }
  AddCharts(plan, curves, &evaluation);
  const std::vector<v1::TextTable> tables = CurveTables(plan, curves);
  for (const v1::TextTable& table : tables) *evaluation.add_tables() = table;
  context.Count("links", static_cast<int64_t>(links.size()));
  context.Count("missing", static_cast<int64_t>(missing.size()));
  const std::string& dir = context.output_dir();
  if (!dir.empty()) {
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, "curves.md"), CurvesMarkdown(tables)));
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, "curves.csv"), CurvesCsv(plan, curves)));
  }
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
