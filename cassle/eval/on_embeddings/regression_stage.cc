#include "cassle/eval/on_embeddings/regression_stage.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/on_embeddings/probe_sets.h"
#include "cassle/eval/on_embeddings/unfinished_fits.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/probes/linear_probe.h"
#include "cassle/probes/regression.h"
#include "cassle/stage/options.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

using Options = v1::RegressionOptions;

absl::Status CheckOptions(const Options& options) {
  for (const auto& [flag, value] :
       {std::pair<const char*, std::string>{"train", options.train()}, {"test", options.test()}}) {
    if (value.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " is missing: name an output folder of embed"));
    }
  }
  if (!options.val().empty() && !options.val_list().empty()) {
    return absl::InvalidArgumentError("--val and --val_list exclude each other");
  }
  return absl::OkStatus();
}

absl::StatusOr<ProbeSets> OpenSets(const Options& options) {
  v1::ProbeInputs inputs;
  CASSLE_RETURN_IF_ERROR(CopyFieldsByName(options, /*without=*/{"authors_split"}, &inputs));
  return OpenProbeSets(inputs);
}

absl::StatusOr<std::vector<std::string>> TargetNames(const Options& options,
                                                     const Embeddings& train) {
  std::vector<std::string> names(options.target().begin(), options.target().end());
  if (names.empty() || names == std::vector<std::string>{"all"}) names = train.VectorTargets();
  if (names.empty()) {
    return absl::FailedPreconditionError(
        "--train has no vector target: embed a data set that has some (landmarks, say); "
        "linear-probe predicts classes");
  }
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--target=", absl::StrJoin(names, ","), " names a target twice"));
  }
  return names;
}

struct Targets {
  std::string name;
  int64_t width = 0;
  ProbeRows rows;
  // Row-major [rows, width]; learn: train rows, then validation rows.
  std::vector<double> learn, test;
  // Rows that are left out.
  std::vector<std::string> warnings;
};

void AppendTargets(const Rows& part, const VectorTarget& target, std::vector<double>* values) {
  for (const int64_t row : part.rows) {
    const auto vector = target.values.subspan(row * target.width, target.width);
    values->insert(values->end(), vector.begin(), vector.end());
  }
}

// Whether some column has two different values.
bool Varies(absl::Span<const double> values, int64_t width) {
  for (size_t i = width; i < values.size(); ++i) {
    if (values[i] != values[i - width]) return true;
  }
  return false;
}

absl::StatusOr<Targets> ReadTargets(const Options& options, const ProbeSets& sets,
                                    const std::string& name) {
  Targets targets;
  targets.name = name;
  CASSLE_ASSIGN_OR_RETURN(const VectorTarget train, sets.train->GetVectorTarget(name));
  CASSLE_ASSIGN_OR_RETURN(const VectorTarget val, sets.validating().GetVectorTarget(name));
  CASSLE_ASSIGN_OR_RETURN(const VectorTarget test, sets.test->GetVectorTarget(name));
  targets.width = train.width;
  if (targets.width == 1 && options.metric() == Options::R2_NORM) {
    return absl::InvalidArgumentError(
        absl::StrCat("--metric=r2_norm: target '", name,
                     "' is one number, and of length 1 all numbers are alike: choose r2, or other "
                     "targets by --target"));
  }
  for (const int64_t width : {val.width, test.width}) {
    if (width == targets.width) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("target '", name, "' has ", targets.width, " and ", width,
                     " numbers in --train, --val and --test: shard the splits together"));
  }
  CASSLE_ASSIGN_OR_RETURN(
      targets.rows,
      ChooseProbeRows(sets, {absl::StrCat("vector of ", name), train.has, val.has, test.has},
                      &targets.warnings));
  AppendTargets(targets.rows.train, train, &targets.learn);
  if (!Varies(targets.learn, targets.width)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "target '", name, "': every row to learn from has the same numbers; nothing to learn"));
  }
  AppendTargets(targets.rows.val, val, &targets.learn);
  AppendTargets(targets.rows.test, test, &targets.test);
  return targets;
}

// What knowing nothing about an image predicts: the means of what was learnt from.
std::vector<double> MeanPredictions(const Targets& targets) {
  std::vector<double> means(targets.width);
  const double rows = targets.learn.size() / targets.width;
  for (size_t i = 0; i < targets.learn.size(); ++i) {
    means[i % targets.width] += targets.learn[i] / rows;
  }
  std::vector<double> predictions(targets.test.size());
  for (size_t i = 0; i < predictions.size(); ++i) predictions[i] = means[i % targets.width];
  return predictions;
}

void AddScores(const Targets& targets, const RegressionOutcome& outcome,
               v1::Evaluation* evaluation) {
  const std::vector<double>& p = outcome.test_predictions;
  const std::vector<double> mean = MeanPredictions(targets);
  const int64_t width = targets.width, rows = targets.test.size() / width;
  AddAccuracy(absl::StrCat(targets.name, ", r2"), SquaredCorrelation(p, targets.test), rows,
              evaluation)
      ->set_chance(SquaredCorrelation(mean, targets.test));
  // Of length 1 all single numbers are alike.
  if (width > 1) {
    AddAccuracy(absl::StrCat(targets.name, ", r2_norm"),
                NormalizedSquaredCorrelation(p, targets.test, width), rows, evaluation)
        ->set_chance(NormalizedSquaredCorrelation(mean, targets.test, width));
  }
  AddAccuracy(absl::StrCat(targets.name, ", mean r2 of its numbers"),
              MeanSquaredCorrelation(p, targets.test, width), rows, evaluation)
      ->set_chance(0);
  v1::Score* error = evaluation->add_scores();
  error->set_name(absl::StrCat(targets.name, ", mean absolute error"));
  error->set_value(AbsoluteError(p, targets.test) / p.size());
  error->set_chance(AbsoluteError(mean, targets.test) / p.size());
  error->set_better(v1::Score::LOWER);
  error->set_num_test(rows);
}

void AddChart(const Options& options, const std::string& name, const RegressionOutcome& outcome,
              v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(absl::StrCat("regression ", name));
  chart->set_title(absl::StrCat("Regression by regulariser: ", name));
  chart->set_kind(v1::Chart::LINES);
  chart->mutable_x()->set_label("w");
  chart->mutable_x()->set_logarithmic(true);
  chart->mutable_y()->set_label(options.metric() == Options::R2_NORM ? "r2_norm" : "r2");
  v1::ChartLine* val = chart->add_series();
  v1::ChartLine* train = chart->add_series();
  val->set_name("validation");
  train->set_name("train");
  for (const RegressionGridPoint& point : outcome.grid) {
    val->add_x(point.w);
    val->add_y(point.val);
    train->add_x(point.w);
    train->add_y(point.train);
  }
}

void AddWarnings(const Targets& targets, const RegressionOutcome& outcome,
                 v1::Evaluation* evaluation) {
  // Of a target that cannot be read it is about the mean's.
  if (AbsoluteError(outcome.test_predictions, targets.test) >
      2 * AbsoluteError(MeanPredictions(targets), targets.test)) {
    evaluation->add_warnings(absl::StrCat(
        "target '", targets.name, "': the absolute error is more than twice that of the mean: w = ",
        outcome.grid[outcome.best].w,
        " was chosen by a correlation, which does not see scale and offset"));
  }
  const std::string unfinished = UnfinishedSentence(outcome);
  if (!unfinished.empty()) {
    evaluation->add_warnings(absl::StrCat("target '", targets.name, "': ", unfinished));
  }
  if (!Varies(targets.test, targets.width)) {
    evaluation->add_warnings(
        absl::StrCat("target '", targets.name, "' has the same numbers in every row of --test"));
  }
}

void AddTensors(const Targets& targets, const RegressionOutcome& outcome,
                SafetensorsWriter* writer) {
  const int64_t d = outcome.weights.columns() - 1, k = targets.width;
  std::vector<float> weight, bias;
  for (int64_t j = 0; j < k; ++j) {
    const double* row = outcome.weights.row(j);
    weight.insert(weight.end(), row, row + d);
    bias.push_back(row[d]);
  }
  const std::vector<float> predictions(outcome.test_predictions.begin(),
                                       outcome.test_predictions.end());
  writer->Add<float>(absl::StrCat("weight.", targets.name), DType::kF32, {k, d}, weight);
  writer->Add<float>(absl::StrCat("bias.", targets.name), DType::kF32, {k}, bias);
  writer->Add<float>(absl::StrCat("prediction.", targets.name), DType::kF32,
                     {static_cast<int64_t>(predictions.size()) / k, k}, predictions);
}

RegressionSettings SettingsOf(const Options& options, const StageContext& context) {
  RegressionSettings settings;
  settings.grid.assign(options.regularizer().begin(), options.regularizer().end());
  if (settings.grid.empty()) settings.grid = AuthorsGrid();
  settings.loss =
      options.loss() == Options::L2 ? RegressionLoss::kSquared : RegressionLoss::kAbsolute;
  settings.metric =
      options.metric() == Options::R2_NORM ? RegressionMetric::kR2Norm : RegressionMetric::kR2;
  settings.tolerance = options.tolerance();
  settings.threads = context.threads();
  return settings;
}

absl::StatusOr<v1::Evaluation> Describe(const ProbeSets& sets, const std::vector<Targets>& all) {
  v1::Evaluation evaluation = DescribeEvaluation(RegressionInfo().name, "Regression", *sets.train);
  std::vector<const ProbeRows*> rows;
  for (const Targets& targets : all) {
    rows.push_back(&targets.rows);
    for (const std::string& warning : targets.warnings) evaluation.add_warnings(warning);
  }
  AddEvaluatedSets(rows, &evaluation);
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> equal,
                          ProbeImageWarnings(sets, /*targets=*/{}, rows));
  for (const std::string& warning : equal) evaluation.add_warnings(warning);
  return evaluation;
}

}  // namespace

absl::Status RunRegression(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckOptions(options));
  CASSLE_ASSIGN_OR_RETURN(const ProbeSets sets, OpenSets(options));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, TargetNames(options, *sets.train));
  // All targets before the first fit: a mistake in the last shows at once.
  std::vector<Targets> all;
  for (const std::string& name : names) {
    CASSLE_ASSIGN_OR_RETURN(Targets targets, ReadTargets(options, sets, name));
    all.push_back(std::move(targets));
  }
  CASSLE_ASSIGN_OR_RETURN(v1::Evaluation evaluation, Describe(sets, all));
  SafetensorsWriter writer;
  RegressionSettings settings = SettingsOf(options, context);
  ProbeFeatures features;
  ProbeRows loaded;
  for (const Targets& targets : all) {
    LoadFeatures(targets.rows, &loaded, &features);
    RegressionData data;
    data.learn = &features.learn;
    data.train_rows = targets.rows.train.rows.size();
    data.learn_targets = targets.learn;
    data.test = &features.test;
    data.outputs = targets.width;
    Progress progress(absl::StrCat("fitting ", targets.name), settings.grid.size(), "fits");
    settings.go_on = [&](int done) {
      progress.Set(done);
      return !context.interrupted();
    };
    CASSLE_ASSIGN_OR_RETURN(const RegressionOutcome outcome, FitRegressionGrid(data, settings));
    AddScores(targets, outcome, &evaluation);
    AddChart(options, targets.name, outcome, &evaluation);
    AddWarnings(targets, outcome, &evaluation);
    AddTensors(targets, outcome, &writer);
    context.Say(absl::StrFormat("%s: test r2 %.4f (w = %.3g)", targets.name,
                                SquaredCorrelation(outcome.test_predictions, targets.test),
                                settings.grid[outcome.best]));
  }
  context.Count("targets", all.size());
  CASSLE_RETURN_IF_ERROR(WriteEvaluation(evaluation, context));
  if (context.output_dir().empty()) return absl::OkStatus();
  return writer.Write(JoinPath(context.output_dir(), "regression.safetensors"));
}

}  // namespace cassle
