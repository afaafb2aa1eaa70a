#include "cassle/eval/on_embeddings/linear_probe_stage.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/classifiers/classifier_file.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/embeddings/label_notes.h"
#include "cassle/eval/on_embeddings/probe_sets.h"
#include "cassle/eval/on_embeddings/unfinished_fits.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/eval/result/linear_probe_result.pb.h"
#include "cassle/eval/result/probe_evaluation.h"
#include "cassle/probes/linear_probe.h"
#include "cassle/probes/splits/few_labels.h"
#include "cassle/stage/options.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

using Options = v1::LinearProbeOptions;

bool HasFewLabels(const Options& options) {
  return options.labels_per_class() > 0 || options.label_fraction() < 1;
}

// Leaves the chosen training rows of the only target.
absl::Status KeepFewLabels(const Options& options, const ProbeSets& sets,
                           std::vector<TargetLabels>* labels) {
  if (labels->size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--target: --labels_per_class and --label_fraction choose rows class by class, so "
        "they take one target at a time, and there are ",
        labels->size()));
  }
  CASSLE_RETURN_IF_ERROR(Annotate(RequireOneRowPerImage("train", *sets.train),
                                  "--labels_per_class and --label_fraction count images"));
  TargetLabels& only = labels->front();
  const absl::StatusOr<std::vector<int64_t>> kept =
      ChooseFewLabels(absl::MakeConstSpan(only.learn).first(only.rows.train.rows.size()),
                      {options.label_fraction(), options.labels_per_class(), options.label_seed(),
                       only.class_names});
  if (!kept.ok()) {
    return Annotate(kept.status(), sets.val.has_value()
                                       ? "--labels_per_class"
                                       : "--labels_per_class, without the validation part");
  }
  KeepTrainingRows(*kept, &only);
  return absl::OkStatus();
}

absl::Status CheckOptions(const Options& options) {
  for (const auto& [flag, value] :
       {std::pair<const char*, std::string>{"train", options.train()}, {"test", options.test()}}) {
    if (value.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " is missing: name an output folder of embed"));
    }
  }
  if (!options.val().empty() + !options.val_list().empty() + !options.authors_split().empty() > 1) {
    return absl::InvalidArgumentError("--val, --val_list and --authors_split exclude each other");
  }
  if (options.labels_per_class() > 0 && options.label_fraction() < 1) {
    return absl::InvalidArgumentError("--labels_per_class and --label_fraction exclude each other");
  }
  return absl::OkStatus();
}

v1::LinearProbeFit FitProto(const FitReport& fit) {
  v1::LinearProbeFit proto;
  proto.set_objective(fit.objective);
  proto.set_gradient_norm(fit.gradient_norm);
  proto.set_steps(fit.steps);
  proto.set_hessian_products(fit.hessian_products);
  proto.set_evaluations(fit.evaluations);
  proto.set_converged(fit.converged);
  return proto;
}

void AddWarnings(const TargetLabels& labels, const ClassCounts& learnt, const ClassCounts& tested,
                 const ProbeOutcome& outcome, v1::LinearProbeTarget* target) {
  const std::string unlearnt =
      UnlearntClassesSentence(labels.class_names, learnt.rows, tested.rows);
  if (!unlearnt.empty()) target->add_warnings(unlearnt);
  const std::string unfinished = UnfinishedSentence(outcome);
  if (!unfinished.empty()) target->add_warnings(unfinished);
}

// The pairs of classes that are taken for each other most; at most ten.
void AddConfusions(const TargetLabels& labels, const ProbeOutcome& outcome,
                   v1::LinearProbeTarget* target) {
  constexpr int kMostConfused = 10;
  const int classes = labels.class_names.size();
  const std::vector<int64_t> matrix =
      ConfusionMatrix(outcome.test_predictions, labels.test, classes);
  std::vector<int64_t> cells;
  for (int64_t i = 0; i < static_cast<int64_t>(matrix.size()); ++i) {
    if (i / classes != i % classes && matrix[i] > 0) cells.push_back(i);
  }
  std::stable_sort(cells.begin(), cells.end(),
                   [&](int64_t a, int64_t b) { return matrix[a] > matrix[b]; });
  for (size_t i = 0; i < cells.size() && i < kMostConfused; ++i) {
    v1::Confusion* confusion = target->add_confusions();
    confusion->set_is(labels.class_names[cells[i] / classes]);
    confusion->set_taken_for(labels.class_names[cells[i] % classes]);
    confusion->set_count(matrix[cells[i]]);
  }
}

// The rows that the tested classifier learnt from, by class.
ClassCounts CountLearnt(const TargetLabels& labels, bool with_validation) {
  std::vector<int> learnt = labels.learn;
  if (!with_validation) learnt.resize(labels.rows.train.rows.size());
  return CountRight(learnt, learnt, static_cast<int>(labels.class_names.size()));
}

v1::LinearProbeTarget TargetProto(const Options& options, const TargetLabels& labels,
                                  const ClassCounts& learnt, const ProbeOutcome& outcome) {
  const int classes = labels.class_names.size();
  const int most_frequent =
      std::max_element(learnt.rows.begin(), learnt.rows.end()) - learnt.rows.begin();
  const ClassCounts chance =
      CountRight(std::vector<int>(labels.test.size(), most_frequent), labels.test, classes);
  v1::LinearProbeTarget target;
  target.set_name(labels.name);
  target.set_metric(options.metric() == Options::CLASS_AVG ? "class_avg" : "top1");
  for (const ProbeGridPoint& point : outcome.grid) {
    v1::LinearProbeGridPoint* proto = target.add_grid();
    proto->set_w(point.w);
    proto->set_val_accuracy(point.val_accuracy);
    proto->set_train_accuracy(point.train_accuracy);
    *proto->mutable_fit() = FitProto(point.fit);
  }
  target.set_best_w(outcome.grid[outcome.best].w);
  target.set_val_accuracy(outcome.grid[outcome.best].val_accuracy);
  target.set_test_top1(outcome.test.Top1());
  target.set_test_class_avg(outcome.test.ClassAverage());
  for (int c = 0; c < classes; ++c) {
    v1::ClassAccuracy* entry = target.add_classes();
    entry->set_name(labels.class_names[c]);
    entry->set_num_learnt(learnt.rows[c]);
    entry->set_num_test(outcome.test.rows[c]);
    entry->set_num_right(outcome.test.right[c]);
  }
  target.set_chance_top1(chance.Top1());
  target.set_chance_class_avg(chance.ClassAverage());
  *target.mutable_refit() = FitProto(outcome.refit);
  target.set_num_train(labels.rows.train.rows.size());
  target.set_num_val(labels.rows.val.rows.size());
  target.set_num_test(labels.test.size());
  AddConfusions(labels, outcome, &target);
  AddWarnings(labels, learnt, outcome.test, outcome, &target);
  return target;
}

// What all targets share: who was measured, on what, and what is doubtful about it.
absl::StatusOr<v1::Evaluation> EvaluationHead(const ProbeSets& sets,
                                              const std::vector<TargetLabels>& labels) {
  v1::Evaluation evaluation = DescribeEvaluation(LinearProbeInfo().name, kProbeTitle, *sets.train);
  std::vector<const ProbeRows*> rows;
  std::vector<std::string> names;
  for (const TargetLabels& of_target : labels) {
    rows.push_back(&of_target.rows);
    names.push_back(of_target.name);
    for (const std::string& warning : of_target.warnings) evaluation.add_warnings(warning);
  }
  AddEvaluatedSets(rows, &evaluation);
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> equal,
                          ProbeImageWarnings(sets, names, rows));
  for (const std::string& warning : equal) evaluation.add_warnings(warning);
  return evaluation;
}

// Classes without images change no number: a note.
void NoteEmptyClasses(const TargetLabels& labels, const ClassCounts& learnt,
                      const ClassCounts& tested, StageContext* context) {
  const std::string empty = EmptyClassesSentence(labels.class_names, learnt.rows, tested.rows);
  if (!empty.empty()) context->Note(absl::StrCat(labels.name, ": ", empty));
}

ProbeSettings SettingsOf(const Options& options, int threads) {
  ProbeSettings settings;
  settings.grid.assign(options.regularizer().begin(), options.regularizer().end());
  if (settings.grid.empty()) settings.grid = AuthorsGrid();
  settings.metric =
      options.metric() == Options::CLASS_AVG ? ProbeMetric::kClassAverage : ProbeMetric::kTop1;
  settings.warm_start = options.path() != Options::INDEPENDENT;
  settings.solver = options.solver() == Options::LBFGS ? ProbeSolver::kLbfgs : ProbeSolver::kNewton;
  settings.regularize_bias = options.regularize_bias();
  // Few labels are few: the validation part only chooses.
  settings.refit_on_validation = !HasFewLabels(options);
  settings.tolerance = options.tolerance();
  settings.threads = threads;
  return settings;
}

absl::StatusOr<ProbeOutcome> ProbeWithProgress(const std::string& name, const ProbeData& data,
                                               ProbeSettings settings,
                                               const StageContext& context) {
  Progress progress(absl::StrCat("probing ", name), settings.grid.size(), "fits");
  settings.go_on = [&](int done) {
    progress.Set(done);
    return !context.interrupted();
  };
  return RunProbe(data, settings);
}

}  // namespace

absl::Status RunLinearProbe(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckOptions(options));
  v1::ProbeInputs inputs;
  CASSLE_RETURN_IF_ERROR(CopyFieldsByName(options, /*without=*/{}, &inputs));
  CASSLE_ASSIGN_OR_RETURN(const ProbeSets sets, OpenProbeSets(inputs));
  CASSLE_ASSIGN_OR_RETURN(
      const std::vector<std::string> names,
      ClassTargetNames({options.target().begin(), options.target().end()}, *sets.train));
  // All labels before the first fit: a mistake in the last target shows at once.
  std::vector<TargetLabels> labels;
  for (const std::string& name : names) {
    CASSLE_ASSIGN_OR_RETURN(TargetLabels of_target, ReadTargetLabels(sets, name));
    labels.push_back(std::move(of_target));
  }
  if (HasFewLabels(options)) CASSLE_RETURN_IF_ERROR(KeepFewLabels(options, sets, &labels));
  const ProbeSettings settings = SettingsOf(options, context.threads());

  CASSLE_ASSIGN_OR_RETURN(v1::Evaluation evaluation, EvaluationHead(sets, labels));
  v1::LinearProbeResult details;
  ClassifierWriter classifiers(*sets.train);
  ProbeFeatures features;
  ProbeRows loaded;
  for (const TargetLabels& of_target : labels) {
    LoadFeatures(of_target.rows, &loaded, &features);
    ProbeData data;
    data.learn = &features.learn;
    data.train_rows = of_target.rows.train.rows.size();
    data.learn_labels = of_target.learn;
    data.test = &features.test;
    data.test_labels = of_target.test;
    data.classes = of_target.class_names.size();
    CASSLE_ASSIGN_OR_RETURN(const ProbeOutcome outcome,
                            ProbeWithProgress(of_target.name, data, settings, context));
    const ClassCounts learnt = CountLearnt(of_target, settings.refit_on_validation);
    const v1::LinearProbeTarget target = TargetProto(options, of_target, learnt, outcome);
    classifiers.AddLinear(of_target.name, of_target.class_names, outcome.classifier,
                          outcome.test_predictions, of_target.test);
    AddProbeTarget(target, &evaluation);
    NoteEmptyClasses(of_target, learnt, outcome.test, &context);
    context.Say(absl::StrFormat("%s: test top1 %.2f %%, class average %.2f %% (w = %.3g)",
                                of_target.name, 100 * target.test_top1(),
                                100 * target.test_class_avg(), target.best_w()));
    *details.add_targets() = target;
  }
  context.Count("targets", names.size());
  context.Count("features", sets.train->columns());
  const std::string& dir = context.output_dir();
  if (!dir.empty()) {
    CASSLE_ASSIGN_OR_RETURN(const std::string json, ToJson(details));
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, "details.json"), absl::StrCat(json, "\n")));
    CASSLE_RETURN_IF_ERROR(classifiers.Write(dir));
  }
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
