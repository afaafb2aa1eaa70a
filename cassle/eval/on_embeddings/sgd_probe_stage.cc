#include "cassle/eval/on_embeddings/sgd_probe_stage.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/classifiers/classifier_file.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/eval/result/label_warnings.h"
#include "cassle/probes/sgd_probe.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

using Options = v1::SgdProbeOptions;

absl::StatusOr<SgdProbeSettings> SettingsOf(const Options& options) {
  if (options.test().empty()) {
    return absl::InvalidArgumentError("--test is missing: name an output folder of embed");
  }
  SgdProbeSettings settings;
  settings.learning_rate = options.learning_rate();
  settings.momentum = options.momentum();
  settings.batch_size = options.batch_size();
  settings.epochs = options.epochs();
  settings.seed = options.seed();
  settings.best_test_epoch = options.epoch() == Options::BEST_TEST;
  return settings;
}

// [rows, d + 1], the last column 1.
PaddedMatrix<float> WithBias(const Embeddings& embeddings, const std::vector<int64_t>& rows) {
  const int64_t d = embeddings.columns();
  PaddedMatrix<float> matrix(static_cast<int64_t>(rows.size()), d + 1);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(embeddings.features().data() + rows[i] * d, d, matrix.row(i));
    matrix(i, d) = 1;
  }
  return matrix;
}

void AddScores(const LearntTarget& target, const SgdProbeOutcome& outcome,
               v1::Evaluation* evaluation) {
  AddAccuracy(target.name, outcome.test.Top1(), target.test.size(), evaluation)
      ->set_chance(target.Chance().Top1());
  AddAccuracy(absl::StrCat(target.name, ", class average"), outcome.test.ClassAverage(),
              target.test.size(), evaluation)
      ->set_chance(target.Chance().ClassAverage());
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(absl::StrCat("sgd-probe ", target.name));
  chart->set_title(absl::StrCat("Test accuracy of the linear layer: ", target.name));
  chart->set_kind(v1::Chart::LINES);
  chart->mutable_x()->set_label("epoch");
  chart->mutable_y()->set_label("accuracy, %");
  v1::ChartLine* line = chart->add_series();
  line->set_name("top-1");
  for (size_t epoch = 0; epoch < outcome.test_top1.size(); ++epoch) {
    line->add_x(epoch + 1);
    line->add_y(100 * outcome.test_top1[epoch]);
  }
}

}  // namespace

absl::Status RunSgdProbe(const Options& options, StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(SgdProbeSettings settings, SettingsOf(options));
  CASSLE_ASSIGN_OR_RETURN(const TrainAndTest sets,
                          OpenTrainAndTest(options.train(), options.test()));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<LearntTarget> targets,
                          ReadLearntTargets({options.target().begin(), options.target().end()},
                                            *sets.train, &*sets.test));
  v1::Evaluation evaluation =
      DescribeEvaluation(SgdProbeInfo().name, "Linear layer by SGD", *sets.train);
  AddEvaluatedSet("train", *sets.train, MostTrainRows(targets), &evaluation);
  AddEvaluatedSet("test", *sets.test, MostTestRows(targets), &evaluation);
  CASSLE_RETURN_IF_ERROR(AddLabelWarnings(sets, targets, &evaluation, &context));
  if (settings.best_test_epoch) {
    evaluation.add_warnings(
        "the epoch was chosen by the test set (--epoch=best_test): accuracies are too high");
  }
  ClassifierWriter classifiers(*sets.train);
  PaddedMatrix<float> learn, test;
  const LearntTarget* loaded = nullptr;
  for (const LearntTarget& target : targets) {
    if (loaded == nullptr || !target.HasRowsOf(*loaded)) {
      learn = WithBias(*sets.train, target.train_rows);
      test = WithBias(*sets.test, target.test_rows);
      loaded = &target;
    }
    ProbeData data;
    data.learn = &learn;
    data.train_rows = learn.rows();
    data.learn_labels = target.train;
    data.test = &test;
    data.test_labels = target.test;
    data.classes = target.classes();
    Progress progress(absl::StrCat("training on ", target.name), settings.epochs, "epochs");
    settings.go_on = [&](int done) {
      progress.Set(done);
      return !context.interrupted();
    };
    CASSLE_ASSIGN_OR_RETURN(const SgdProbeOutcome outcome, FitSgdProbe(data, settings));
    classifiers.AddLinear(target.name, target.class_names, outcome.classifier,
                          outcome.test_predictions, target.test);
    AddScores(target, outcome, &evaluation);
    context.Say(absl::StrFormat("%s: test top1 %.2f %% (epoch %d)", target.name,
                                100 * outcome.test.Top1(), outcome.chosen_epoch + 1));
  }
  context.Count("targets", targets.size());
  CASSLE_RETURN_IF_ERROR(classifiers.Write(context.output_dir()));
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
