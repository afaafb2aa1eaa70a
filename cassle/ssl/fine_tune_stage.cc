#include "cassle/ssl/fine_tune_stage.h"

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/vit_positions.h"
#include "cassle/models/weights/batch_tensor.h"
#include "cassle/models/weights/head.pb.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/probes/accuracy.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/ranks/stage_ranks.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/ssl/fine_tune_options.h"
#include "cassle/ssl/fine_tuning/classify.h"
#include "cassle/ssl/fine_tuning/labelled_data.h"
#include "cassle/ssl/fine_tuning/validation_monitor.h"
#include "cassle/ssl/method/layer_decay.h"
#include "cassle/ssl/method/stochastic_depth.h"
#include "cassle/ssl/method/weight_average.h"
#include "cassle/ssl/methods/supervised.h"
#include "cassle/ssl/training/checkpoint.h"
#include "cassle/ssl/training/trained_model.h"
#include "cassle/ssl/training/trainer.h"
#include "cassle/stage/options.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

using Options = v1::FineTuneOptions;

struct Run {
  Options options;
  v1::ModelSpec spec;
  v1::Policy policy;
  LabelledData data;
  int64_t batch_size = 0;
  std::unique_ptr<Method> method;
  c10::Device device = c10::Device(c10::kCPU);
  Team* team = nullptr;
};

v1::Policy TrainPolicy(const v1::ModelSpec& spec, const Options& options) {
  v1::Policy policy;
  policy.set_name("fine-tune");
  policy.set_size(spec.image_size());
  policy.mutable_crop()->set_scale_min(options.crop_scale_min());
  policy.mutable_crop()->set_scale_max(1);
  policy.mutable_crop()->set_ratio_min(3.0 / 4);
  policy.mutable_crop()->set_ratio_max(4.0 / 3);
  policy.mutable_flip()->set_probability(0.5);
  *policy.mutable_mean() = spec.mean();
  *policy.mutable_std() = spec.std();
  return policy;
}

// What the method refuses, in terms of this stage's options.
absl::Status AsTyped(const absl::Status& refused, const Run& run) {
  // Of files, not of what was typed.
  if (!absl::IsInvalidArgument(refused)) return refused;
  const absl::Status status(
      refused.code(), absl::StrReplaceAll(refused.message(), {{"--method.supervised.", "--"}}));
  if (run.batch_size == run.options.batch_size()) return status;
  // Nobody chose that size.
  return Annotate(
      status, absl::StrCat("all ", run.batch_size, " images that are learnt from make one batch"));
}

absl::Status BuildMethod(Run* run) {
  const Options& options = run->options;
  if (run->spec.backbone().extra_channels_size() > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.model(),
                     " was conditioned by image channels, which fine-tuning does "
                     "not feed: choose a model with another injection"));
  }
  MethodSetup setup;
  setup.make_backbone = [model = options.model()]() -> absl::StatusOr<std::shared_ptr<Backbone>> {
    CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, LoadBackbone(model));
    backbone->train();
    backbone->set_requires_grad(true);
    return backbone;
  };
  setup.batch_size = run->batch_size;
  setup.num_views = 1;
  setup.num_classes = run->data.classes;
  setup.seed = options.seed();
  setup.team = run->team;
  setup.precision = options.precision() == v1::BF16 ? Precision::kBfloat16 : Precision::kFloat32;
  v1::MethodConfig config;
  v1::SupervisedConfig* supervised = config.mutable_supervised();
  supervised->set_classifier_depth(1);
  supervised->set_label_smoothing(options.label_smoothing());
  supervised->set_mixup_alpha(options.mixup_alpha());
  auto method = MakeSupervised(config, setup);
  if (!method.ok()) return AsTyped(method.status(), *run);
  run->method = WithLayerDecay(*std::move(method), options.layer_decay());
  if (options.drop_path() > 0) {
    CASSLE_ASSIGN_OR_RETURN(run->method,
                            WithStochasticDepth(std::move(run->method), options.drop_path(),
                                                options.seed(), run->team));
  }
  if (options.ema_decay() > 0) {
    run->method = WithAverage(std::move(run->method), options.ema_decay());
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::TrainingConfig> TrainingOf(const Run& run) {
  v1::TrainingConfig training;
  CASSLE_RETURN_IF_ERROR(CopyFieldsByName(
      run.options,
      /*without=*/
      {"accumulate_steps", "batch_norm_group", "begin", "clip_each_parameter", "exempt_biases",
       "final_weight_decay", "keep_every_epochs", "keep_last_checkpoints", "monitor", "schedule",
       "schedule_per_step", "step_epochs", "step_factor", "stop_epoch"},
      &training));
  training.set_batch_size(static_cast<int32_t>(run.batch_size));
  training.set_accumulate_steps(1);
  training.set_keep_last_checkpoints(1);
  training.set_schedule(v1::COSINE);
  training.set_schedule_per_step(true);
  return training;
}

ViewLoaderOptions LoadingOf(const Run& run) {
  ViewLoaderOptions loading;
  loading.images = run.data.train.images;
  loading.subset = run.data.subset;
  loading.policy = run.policy;
  loading.target = run.data.target;
  loading.views = 1;
  return loading;
}

// What the finished classifier says of every labelled image of the test split, and how images
// reached it.
struct Predictions {
  std::vector<int> classes;
  std::vector<int> labels;
  std::string preprocess_fingerprint;
};

// Null without --monitor.every_epochs.
absl::StatusOr<std::unique_ptr<ValidationMonitor>> MakeMonitor(const Run& run, int threads) {
  if (run.options.monitor().every_epochs() == 0) return std::unique_ptr<ValidationMonitor>();
  ClassifierCopy copy;
  copy.spec = run.spec;
  CASSLE_ASSIGN_OR_RETURN(copy.backbone, LoadBackbone(run.options.model()));
  CASSLE_ASSIGN_OR_RETURN(copy.head, MakeProjector(run.method->projector().spec()));
  MoveTensors(copy.backbone->state(), run.device);
  MoveTensors(copy.head->state(), run.device);
  return ValidationMonitor::Create(run.data, run.options, std::move(copy), threads);
}

// Makes the networks what is tested and kept: the best of the monitor, the average, or themselves.
void TakeFinished(const Run& run, const ValidationMonitor* monitor) {
  std::vector<NamedTensor> networks;
  for (const NamedTensor& entry : run.method->state()) {
    if (absl::StartsWith(entry.name, "backbone.") || absl::StartsWith(entry.name, "projector.")) {
      networks.push_back(entry);
    }
  }
  const bool best = monitor != nullptr && run.options.monitor().keep_best();
  CopyTensors(best ? monitor->best_state() : FinishedState(*run.method), networks);
}

absl::StatusOr<Predictions> Predict(const Run& run, StageContext* context) {
  ConditionedProjector& head = run.method->projector();
  head.eval();
  // The method owns it.
  const std::shared_ptr<Backbone> borrowed(&run.method->backbone(), [](Backbone*) {});
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FrozenEncoder> encoder,
                          FrozenEncoder::Create(run.spec, borrowed, {}));
  const LabelledSplit& test = run.data.test;
  Progress progress("testing", static_cast<int64_t>(test.labelled.size()), "images");
  Predictions predictions;
  predictions.preprocess_fingerprint = encoder->preprocess_fingerprint();
  predictions.labels = test.LabelsOf(test.labelled);
  CASSLE_ASSIGN_OR_RETURN(
      predictions.classes,
      Classify(*encoder, &head, *test.images, test.labelled, context->threads(), [&](int64_t done) {
        if (context->interrupted()) return false;
        progress.Set(done);
        return true;
      }));
  return predictions;
}

// ", epoch 3 is the best by validation, weights averaged by 0.99"
std::string WhatIsKept(const Run& run, const ValidationMonitor* monitor) {
  std::string kept;
  if (run.options.monitor().keep_best()) {
    absl::StrAppend(&kept, ", epoch ", monitor->best().epoch, " is the best by validation");
  }
  if (run.options.ema_decay() > 0) {
    absl::StrAppend(&kept, ", weights averaged by ", run.options.ema_decay());
  }
  return kept;
}

v1::ModelSpec FineTunedSpec(const Run& run, const ValidationMonitor* monitor) {
  const Options& options = run.options;
  v1::ModelSpec spec = run.spec;
  spec.set_provenance(
      absl::StrCat(spec.provenance(), spec.provenance().empty() ? "" : ", ", "fine-tuned (",
                   run.data.target, ", ",
                   options.labels_per_class() > 0
                       ? absl::StrCat(options.labels_per_class(), " labels per class, ")
                   : options.label_fraction() < 1
                       ? absl::StrCat(100 * options.label_fraction(), " % of labels, ")
                       : "",
                   options.epochs(), options.epochs() == 1 ? " epoch" : " epochs",
                   WhatIsKept(run, monitor), ")"));
  return spec;
}

absl::Status WriteHead(const Run& run, const std::string& folder) {
  v1::HeadSpec head;
  head.set_target(run.data.target);
  for (const std::string& name : run.data.class_names) head.add_classes(name);
  return WriteFile(JoinPath(folder, kHeadSpecName), PrintTextProto(head));
}

// Its best accuracy, and all of them as a line.
void AddValidation(const ValidationMonitor& monitor, const LabelledData& data,
                   v1::Evaluation* evaluation) {
  AddAccuracy(absl::StrCat(data.target, ": validation, best epoch"), monitor.best().accuracy,
              static_cast<int64_t>(data.validated.size()), evaluation);
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name("validation_accuracy");
  chart->set_title("Validation while fine-tuning");
  chart->set_kind(v1::Chart::LINES);
  chart->mutable_x()->set_label("epoch");
  chart->mutable_y()->set_label("validation accuracy, %");
  v1::ChartLine* line = chart->add_series();
  line->set_name(data.target);
  for (const ValidationMonitor::Point& point : monitor.curve()) {
    if (point.epoch == monitor.best().epoch) line->set_marked(line->x_size());
    line->add_x(static_cast<double>(point.epoch));
    line->add_y(100 * point.accuracy);
  }
}

absl::StatusOr<v1::Evaluation> ResultOf(const Run& run, const Predictions& predictions,
                                        const ValidationMonitor* monitor,
                                        const StageContext& context) {
  const LabelledData& data = run.data;
  const Backbone& backbone = run.method->backbone();
  v1::Evaluation evaluation;
  evaluation.set_stage("fine-tune");
  evaluation.set_title("Fine-tuning");
  evaluation.set_encoder(FineTunedSpec(run, monitor).provenance());
  evaluation.set_weights_fingerprint(WeightsFingerprint(backbone));
  evaluation.set_preprocess_fingerprint(predictions.preprocess_fingerprint);
  evaluation.set_num_features(static_cast<int32_t>(backbone.feature_size()));
  for (const auto& [role, split, rows] :
       {std::tuple("train", &data.train, data.subset.size()),
        std::tuple("val", &data.validation, data.validated.size()),
        std::tuple("test", &data.test, data.test.labelled.size())}) {
    if (rows == 0) continue;
    v1::EvaluatedSet* set = evaluation.add_sets();
    set->set_role(role);
    set->set_split(split->images->split().name());
    set->set_dataset_fingerprint(context.input_fingerprint("input"));
    set->set_num_rows(static_cast<int32_t>(rows));
  }
  const std::vector<int> learnt = data.train.LabelsOf(data.subset);
  const ClassCounts seen = CountRight(learnt, learnt, data.classes);
  const int frequent =
      static_cast<int>(std::max_element(seen.rows.begin(), seen.rows.end()) - seen.rows.begin());
  const ClassCounts tested = CountRight(predictions.classes, predictions.labels, data.classes);
  const ClassCounts chance = CountRight(std::vector<int>(predictions.classes.size(), frequent),
                                        predictions.labels, data.classes);
  const auto rows = static_cast<int64_t>(predictions.classes.size());
  AddAccuracy(absl::StrCat(data.target, ": top1"), tested.Top1(), rows, &evaluation)
      ->set_chance(chance.Top1());
  AddAccuracy(absl::StrCat(data.target, ": class average"), tested.ClassAverage(), rows,
              &evaluation)
      ->set_chance(chance.ClassAverage());
  if (monitor != nullptr) AddValidation(*monitor, data, &evaluation);
  for (int c = 0; c < data.classes; ++c) {
    if (seen.rows[c] > 0 || tested.rows[c] == 0) continue;
    evaluation.add_warnings(absl::StrCat("class ", data.class_names[c],
                                         " of the test set is not among the images learnt from"));
  }
  return evaluation;
}

absl::Status FineTune(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckFineTuneOptions(options, context));
  ConfigureTorch(ComputeThreads(options.compute_threads(), context));
  Run run;
  run.team = TeamOf(context);
  run.options = options;
  CASSLE_ASSIGN_OR_RETURN(run.spec, ReadModelSpec(options.model()));
  ResolveFineTuneOptions(run.spec, &run.options);
  run.policy = TrainPolicy(run.spec, run.options);
  CASSLE_RETURN_IF_ERROR(CheckPolicy(run.policy));
  const std::string positions =
      ResizedPositionsSentence(run.spec.backbone(), run.spec.image_size());
  if (!positions.empty()) context.Note(positions);
  CASSLE_ASSIGN_OR_RETURN(run.data, OpenLabelledData(run.options, &context));
  const LabelledData& data = run.data;
  run.batch_size =
      std::min<int64_t>(options.batch_size(), static_cast<int64_t>(data.subset.size()));
  CASSLE_RETURN_IF_ERROR(BuildMethod(&run));
  CASSLE_ASSIGN_OR_RETURN(run.device, ResolveDevice(run.options.device(), LocalRankOf(context)));
  ConfigureDevice(run.device, {});
  MoveTensors(run.method->state(), run.device);
  context.Say(absl::StrCat("learning ", data.target, " (", data.classes, " classes) from ",
                           data.subset.size(), " of ", data.train.labels.size(), " images; ",
                           DescribeTorchRuntime()));
  CASSLE_ASSIGN_OR_RETURN(const v1::TrainingConfig training, TrainingOf(run));
  std::unique_ptr<ValidationMonitor> monitor;
  if (context.leads()) {
    CASSLE_ASSIGN_OR_RETURN(monitor, MakeMonitor(run, context.threads()));
  }
  Trainer trainer(training, run.device, LoadingOf(run), run.method.get(), monitor.get(), run.team,
                  &context);
  CASSLE_RETURN_IF_ERROR(trainer.Run());
  if (!context.leads()) return absl::OkStatus();
  TakeFinished(run, monitor.get());
  CASSLE_ASSIGN_OR_RETURN(const Predictions predictions, Predict(run, &context));
  CASSLE_RETURN_IF_ERROR(WriteTrainedModel(*run.method, FineTunedSpec(run, monitor.get()),
                                           run.policy,
                                           /*groups=*/{}, context.output_dir()));
  CASSLE_RETURN_IF_ERROR(WriteHead(run, context.output_dir()));
  CASSLE_ASSIGN_OR_RETURN(const v1::Evaluation evaluation,
                          ResultOf(run, predictions, monitor.get(), context));
  CASSLE_RETURN_IF_ERROR(PutCheckpointsAside(context.output_dir()));
  if (run.options.monitor().keep_best()) {
    context.Say(absl::StrFormat("kept: the weights after epoch %d, the best by validation",
                                monitor->best().epoch));
  }
  context.Say(
      absl::StrFormat("%s: test top1 %.2f %%", data.target, 100 * evaluation.scores(0).value()));
  context.Count("labelled_images", static_cast<int64_t>(data.subset.size()));
  if (monitor != nullptr) {
    context.Count("validation_images", static_cast<int64_t>(data.validated.size()));
  }
  context.Count("steps", trainer.steps());
  return WriteEvaluation(evaluation, context);
}

}  // namespace

StageInfo FineTuneInfo() {
  return {.name = "fine-tune",
          .version = 3,
          .summary =
              "Trains a backbone on, end to end, to classify images, from all labels or few, and "
              "tests it.",
          .resumable = true,
          .resolve = ResolveWhere,
          .team = FindStageRanks<Options>};
}

absl::Status RunFineTune(const Options& options, StageContext& context) {
  return CatchTorch([&] { return FineTune(options, context); });
}

}  // namespace cassle
