#include "cassle/eval/linear_probe_stage.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/progress.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/embeddings.h"
#include "cassle/eval/linear_probe.h"
#include "cassle/eval/linear_probe_result.pb.h"
#include "cassle/eval/validation_split.h"

namespace cassle {
namespace {

using Options = v1::LinearProbeOptions;

// Rows of one embeddings folder, in the order they are used.
struct Rows {
  const Embeddings* from;
  std::vector<int64_t> rows;
};

// Everything the targets share.
struct ProbeSets {
  std::optional<Embeddings> train, val, test;
  Rows learn_train, learn_val, tested;
  // [rows, d + 1], last column 1: train rows, then val rows; and the test rows.
  PaddedMatrix<float> learn_features, test_features;
};

std::vector<int64_t> AllRows(const Embeddings& embeddings) {
  std::vector<int64_t> rows(embeddings.rows());
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

void CopyFeatures(const Rows& part, int64_t first, PaddedMatrix<float>* to) {
  const int64_t d = part.from->columns();
  for (size_t i = 0; i < part.rows.size(); ++i) {
    const float* from = part.from->features().data() + part.rows[i] * d;
    float* row = to->row(first + i);
    std::copy(from, from + d, row);
    row[d] = 1;
  }
}

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
  double before = 0;
  for (double w : options.regularizer()) {
    if (!(w > before && w < 1e30)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--regularizer: ", w, " after ", before,
          "; the values must be positive and ascending (the bias is regularised, too)"));
    }
    before = w;
  }
  if (!(options.tolerance() > 0 && options.tolerance() < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tolerance=", options.tolerance(), " is not between 0 and 1"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ProbeSets>> OpenSets(const Options& options) {
  auto sets = std::make_unique<ProbeSets>();
  CASSLE_ASSIGN_OR_RETURN(sets->train, Embeddings::Open("train", options.train()));
  CASSLE_ASSIGN_OR_RETURN(sets->test, Embeddings::Open("test", options.test()));
  CASSLE_RETURN_IF_ERROR(CheckComparable("train", *sets->train, "test", *sets->test));
  sets->tested = {&*sets->test, AllRows(*sets->test)};
  if (!options.val().empty()) {
    CASSLE_ASSIGN_OR_RETURN(sets->val, Embeddings::Open("val", options.val()));
    CASSLE_RETURN_IF_ERROR(CheckComparable("train", *sets->train, "val", *sets->val));
    sets->learn_train = {&*sets->train, AllRows(*sets->train)};
    sets->learn_val = {&*sets->val, AllRows(*sets->val)};
  } else {
    ValidationSplit split;
    if (!options.val_list().empty()) {
      CASSLE_ASSIGN_OR_RETURN(const std::string list, ReadFile(options.val_list()));
      CASSLE_ASSIGN_OR_RETURN(split, SplitByList(sets->train->ids(), list, options.val_list()));
    } else {
      CASSLE_ASSIGN_OR_RETURN(split, SplitByFraction(sets->train->rows(), options.val_fraction(),
                                                     options.split_seed()));
    }
    sets->learn_train = {&*sets->train, std::move(split.train)};
    sets->learn_val = {&*sets->train, std::move(split.val)};
  }
  const int64_t columns = sets->train->columns() + 1;
  const int64_t train_rows = sets->learn_train.rows.size();
  sets->learn_features = PaddedMatrix<float>(train_rows + sets->learn_val.rows.size(), columns);
  CopyFeatures(sets->learn_train, 0, &sets->learn_features);
  CopyFeatures(sets->learn_val, train_rows, &sets->learn_features);
  sets->test_features = PaddedMatrix<float>(sets->test->rows(), columns);
  CopyFeatures(sets->tested, 0, &sets->test_features);
  return sets;
}

// The names asked for, `all` spelt out.
absl::StatusOr<std::vector<std::string>> TargetNames(const Options& options,
                                                     const Embeddings& train) {
  std::vector<std::string> names(options.target().begin(), options.target().end());
  if (names.empty()) names = {kLabelTarget};
  if (names == std::vector<std::string>{"all"}) {
    names = train.ClassTargets();
    if (names.empty()) {
      return absl::FailedPreconditionError("--train has no class target: embed a labelled split");
    }
  }
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--target=", absl::StrJoin(names, ","), " names a target twice"));
  }
  return names;
}

// Labels of one target for all three parts.
struct TargetLabels {
  std::vector<std::string> class_names;
  std::vector<int> learn, test;
};

absl::Status AppendLabels(const Rows& part, const std::string& name,
                          std::vector<std::string>* class_names, std::vector<int>* labels) {
  CASSLE_ASSIGN_OR_RETURN(const ClassTarget target, part.from->Target(name));
  if (class_names->empty()) *class_names = target.class_names;
  if (!target.class_names.empty() && target.class_names != *class_names) {
    return absl::FailedPreconditionError(
        absl::StrCat("target '", name, "' has other classes in one of --train, --val and --test (",
                     class_names->size(), " and ", target.class_names.size(),
                     " names): shard the splits together, so that class numbers mean the same"));
  }
  for (int64_t row : part.rows) labels->push_back(target.values[row]);
  return absl::OkStatus();
}

absl::StatusOr<TargetLabels> ReadLabels(const ProbeSets& sets, const std::string& name) {
  TargetLabels labels;
  CASSLE_RETURN_IF_ERROR(AppendLabels(sets.learn_train, name, &labels.class_names, &labels.learn));
  const std::set<int> trained(labels.learn.begin(), labels.learn.end());
  if (trained.size() < 2) {
    return absl::FailedPreconditionError(
        absl::StrCat("target '", name, "': every row to learn from has class ", *trained.begin(),
                     "; a classifier needs two classes or more"));
  }
  CASSLE_RETURN_IF_ERROR(AppendLabels(sets.learn_val, name, &labels.class_names, &labels.learn));
  CASSLE_RETURN_IF_ERROR(AppendLabels(sets.tested, name, &labels.class_names, &labels.test));
  if (labels.class_names.empty()) {
    const int largest = std::max(*std::max_element(labels.learn.begin(), labels.learn.end()),
                                 *std::max_element(labels.test.begin(), labels.test.end()));
    for (int c = 0; c <= largest; ++c) labels.class_names.push_back(absl::StrCat(c));
  }
  return labels;
}

v1::LinearProbeFit FitProto(const FitReport& fit) {
  v1::LinearProbeFit proto;
  proto.set_objective(fit.objective);
  proto.set_gradient_norm(fit.gradient_norm);
  proto.set_newton_steps(fit.newton_steps);
  proto.set_hessian_products(fit.hessian_products);
  proto.set_converged(fit.converged);
  return proto;
}

void AddWarnings(const ProbeSets& sets, const ClassCounts& learnt, const ClassCounts& tested,
                 const ProbeOutcome& outcome, v1::LinearProbeTarget* target) {
  std::vector<std::string> missing;
  for (int c = 0; c < target->classes_size(); ++c) {
    if (learnt.rows[c] == 0 && tested.rows[c] > 0) missing.push_back(target->classes(c).name());
  }
  if (!missing.empty()) {
    target->add_warnings(absl::StrCat("classes of the test set that nothing was learnt of: ",
                                      absl::StrJoin(missing, ", ")));
  }
  std::vector<double> unfinished;
  for (const ProbeGridPoint& point : outcome.grid) {
    if (!point.fit.converged) unfinished.push_back(point.w);
  }
  if (!unfinished.empty()) {
    target->add_warnings(absl::StrCat("fits that rounding stopped before the tolerance, at w = ",
                                      absl::StrJoin(unfinished, ", ")));
  }
  if (sets.train->Metadata("dataset_fingerprint") == sets.test->Metadata("dataset_fingerprint")) {
    const absl::flat_hash_set<int64_t> ids(sets.train->ids().begin(), sets.train->ids().end());
    const int64_t shared = std::count_if(sets.test->ids().begin(), sets.test->ids().end(),
                                         [&](int64_t id) { return ids.contains(id); });
    if (shared > 0) {
      target->add_warnings(
          absl::StrCat("images of the test set that are also in the train embeddings: ", shared));
    }
  }
}

v1::LinearProbeTarget TargetProto(const std::string& name, const Options& options,
                                  const ProbeSets& sets, const TargetLabels& labels,
                                  const ProbeOutcome& outcome) {
  const int classes = labels.class_names.size();
  const ClassCounts learnt = CountRight(labels.learn, labels.learn, classes);
  const int most_frequent =
      std::max_element(learnt.rows.begin(), learnt.rows.end()) - learnt.rows.begin();
  const ClassCounts chance =
      CountRight(std::vector<int>(labels.test.size(), most_frequent), labels.test, classes);
  v1::LinearProbeTarget target;
  target.set_name(name);
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
  target.set_num_train(sets.learn_train.rows.size());
  target.set_num_val(sets.learn_val.rows.size());
  target.set_num_test(labels.test.size());
  AddWarnings(sets, learnt, outcome.test, outcome, &target);
  return target;
}

void AddClassifier(const std::string& name, const ProbeOutcome& outcome,
                   SafetensorsWriter* writer) {
  const int64_t classes = outcome.classifier.rows();
  const int64_t d = outcome.classifier.columns() - 1;
  std::vector<float> weight, bias;
  for (int64_t c = 0; c < classes; ++c) {
    const double* row = outcome.classifier.row(c);
    weight.insert(weight.end(), row, row + d);
    bias.push_back(row[d]);
  }
  const std::vector<int64_t> predictions(outcome.test_predictions.begin(),
                                         outcome.test_predictions.end());
  writer->Add<float>(absl::StrCat("weight.", name), DType::kF32, {classes, d}, weight);
  writer->Add<float>(absl::StrCat("bias.", name), DType::kF32, {classes}, bias);
  writer->Add<int64_t>(absl::StrCat("prediction.", name), DType::kI64,
                       {static_cast<int64_t>(predictions.size())}, predictions);
}

v1::LinearProbeResult ResultHead(const ProbeSets& sets) {
  v1::LinearProbeResult result;
  result.set_encoder(sets.train->Metadata("provenance"));
  result.set_weights_fingerprint(sets.train->Metadata("weights_fingerprint"));
  result.set_preprocess_fingerprint(sets.train->Metadata("preprocess_fingerprint"));
  result.set_num_features(sets.train->columns());
  for (const auto& [role, part] : {std::pair<const char*, const Rows*>{"train", &sets.learn_train},
                                   {"val", &sets.learn_val},
                                   {"test", &sets.tested}}) {
    v1::EvaluatedSet* set = result.add_sets();
    set->set_role(role);
    set->set_split(part->from->Metadata("split"));
    set->set_dataset_fingerprint(part->from->Metadata("dataset_fingerprint"));
    set->set_num_rows(part->rows.size());
  }
  return result;
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
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<ProbeSets> sets, OpenSets(options));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, TargetNames(options, *sets->train));
  // All labels before the first fit: a mistake in the last target shows at once.
  std::vector<TargetLabels> labels;
  for (const std::string& name : names) {
    CASSLE_ASSIGN_OR_RETURN(TargetLabels of_target, ReadLabels(*sets, name));
    labels.push_back(std::move(of_target));
  }
  ProbeSettings settings;
  settings.grid.assign(options.regularizer().begin(), options.regularizer().end());
  if (settings.grid.empty()) settings.grid = AuthorsGrid();
  settings.metric =
      options.metric() == Options::CLASS_AVG ? ProbeMetric::kClassAverage : ProbeMetric::kTop1;
  settings.warm_start = options.path() != Options::INDEPENDENT;
  settings.tolerance = options.tolerance();
  settings.threads = context.threads();

  v1::LinearProbeResult result = ResultHead(*sets);
  SafetensorsWriter classifiers;
  for (size_t t = 0; t < names.size(); ++t) {
    ProbeData data;
    data.learn = &sets->learn_features;
    data.train_rows = sets->learn_train.rows.size();
    data.learn_labels = labels[t].learn;
    data.test = &sets->test_features;
    data.test_labels = labels[t].test;
    data.classes = labels[t].class_names.size();
    CASSLE_ASSIGN_OR_RETURN(const ProbeOutcome outcome,
                            ProbeWithProgress(names[t], data, settings, context));
    *result.add_targets() = TargetProto(names[t], options, *sets, labels[t], outcome);
    AddClassifier(names[t], outcome, &classifiers);
    const v1::LinearProbeTarget& target = result.targets(result.targets_size() - 1);
    context.Say(absl::StrFormat("%s: test top1 %.2f %%, class average %.2f %% (w = %.3g)", names[t],
                                100 * target.test_top1(), 100 * target.test_class_avg(),
                                target.best_w()));
    for (const std::string& warning : target.warnings()) {
      context.Say(absl::StrCat(names[t], ": ", warning));
    }
  }
  const std::string& dir = context.output_dir();
  if (!dir.empty()) {
    CASSLE_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, "result.json"), absl::StrCat(json, "\n")));
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(dir, "result.textproto"), PrintTextProto(result)));
    CASSLE_RETURN_IF_ERROR(classifiers.Write(JoinPath(dir, "classifier.safetensors")));
  }
  context.Count("targets", names.size());
  context.Count("features", sets->train->columns());
  return context.SetResult(result);
}

}  // namespace cassle
