#include "cassle/ssl/fine_tune_stage.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/records/class_target.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/features/for_each_batch.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/vit_positions.h"
#include "cassle/models/weights/batch_tensor.h"
#include "cassle/models/weights/head.pb.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/probes/accuracy.h"
#include "cassle/probes/splits/few_labels.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/ranks/stage_ranks.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/ssl/fine_tune_options.h"
#include "cassle/ssl/method/layer_decay.h"
#include "cassle/ssl/methods/supervised.h"
#include "cassle/ssl/training/checkpoint.h"
#include "cassle/ssl/training/trained_model.h"
#include "cassle/ssl/training/trainer.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

using Options = v1::FineTuneOptions;

constexpr int64_t kTestBatch = 256;

// A split with the class of every image, -1 of those that have none.
struct LabelledSplit {
  std::shared_ptr<const Dataset> images;
  std::vector<int> labels;
  // Images that have a class.
  std::vector<int64_t> labelled;
};

struct Run {
  Options options;
  v1::ModelSpec spec;
  v1::Policy policy;
  std::string target;
  std::vector<std::string> class_names;
  int classes = 0;
  LabelledSplit train, test;
  // Images of train that are learnt from.
  std::vector<int64_t> subset;
  int64_t batch_size = 0;
  std::unique_ptr<Method> method;
  c10::Device device = c10::Device(c10::kCPU);
  Team* team = nullptr;
};

absl::StatusOr<LabelledSplit> OpenSplit(const std::string& folder, const std::string& split,
                                        const std::string& target, int classes) {
  LabelledSplit opened;
  CASSLE_ASSIGN_OR_RETURN(opened.images, Dataset::Open(folder, split));
  for (int64_t i = 0; i < opened.images->size(); ++i) {
    v1::ImageRecord record;
    CASSLE_RETURN_IF_ERROR(opened.images->Read(i, &record));
    const int64_t label = ClassOf(record, target);
    if (label >= classes) {
      return absl::DataLossError(
          absl::StrCat("image ", record.id(), " (", record.key(), ") of split '",
                       opened.images->split().name(), "' has class ", label, " of target '", target,
                       "', which has ", classes, ": encode the data set again"));
    }
    opened.labels.push_back(static_cast<int>(label));
    if (label >= 0) opened.labelled.push_back(i);
  }
  if (opened.labelled.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no image of split '", opened.images->split().name(), "' has a class of target '", target,
        "': choose a labelled split, or another --target"));
  }
  return opened;
}

// "1 of 4 images of split 'train' have no class of label and are left out".
void NoteUnlabelled(const LabelledSplit& split, const std::string& target, StageContext* context) {
  const size_t missing = split.labels.size() - split.labelled.size();
  if (missing == 0) return;
  context->NoteWarning(absl::StrCat(missing, " of ", split.labels.size(), " images of split '",
                                    split.images->split().name(), "' have no class of ", target,
                                    " and are left out"));
}

absl::Status OpenData(Run* run) {
  const Options& options = run->options;
  run->target = options.target().empty() ? "label" : options.target();
  CASSLE_ASSIGN_OR_RETURN(const auto any, Dataset::Open(options.input(), options.split()));
  auto classes = ClassNames(any->info(), run->target);
  if (!classes.ok()) return Annotate(classes.status(), "--target");
  if (classes->empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.input(), " has no labels: fine-tuning learns from them"));
  }
  run->class_names = *std::move(classes);
  run->classes = static_cast<int>(run->class_names.size());
  CASSLE_ASSIGN_OR_RETURN(run->train,
                          OpenSplit(options.input(), options.split(), run->target, run->classes));
  CASSLE_ASSIGN_OR_RETURN(
      run->test, OpenSplit(options.input(), options.test_split(), run->target, run->classes));
  if (run->test.images->split().name() == run->train.images->split().name()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--test_split=", options.test_split(), " is the split that is learnt from"));
  }
  const auto subset = ChooseFewLabels(run->train.labels, {.fraction = options.label_fraction(),
                                                          .per_class = options.labels_per_class(),
                                                          .seed = options.seed()});
  if (!subset.ok()) {
    return Annotate(subset.status(), "--label_fraction, --labels_per_class");
  }
  run->subset = *subset;
  std::set<int> learnt;
  for (int64_t row : run->subset) learnt.insert(run->train.labels[row]);
  if (learnt.size() < 2) {
    return absl::FailedPreconditionError(
        absl::StrCat("target '", run->target, "': every image to learn from has class ",
                     *learnt.begin(), "; a classifier needs two classes or more"));
  }
  run->batch_size =
      std::min<int64_t>(options.batch_size(), static_cast<int64_t>(run->subset.size()));
  return absl::OkStatus();
}

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
  setup.num_classes = run->classes;
  setup.seed = options.seed();
  setup.team = run->team;
  setup.precision = options.precision() == v1::BF16 ? Precision::kBfloat16 : Precision::kFloat32;
  v1::MethodConfig config;
  config.mutable_supervised()->set_classifier_depth(1);
  CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<Method> method, MakeSupervised(config, setup));
  run->method = WithLayerDecay(std::move(method), options.layer_decay());
  return absl::OkStatus();
}

absl::StatusOr<v1::TrainingConfig> TrainingOf(const Run& run) {
  v1::TrainingConfig training;
  CASSLE_RETURN_IF_ERROR(
      CopyFieldsByName(run.options,
                       /*without=*/
                       {"accumulate_steps", "batch_norm_group", "begin", "keep_every_epochs",
                        "keep_last_checkpoints", "monitor", "schedule", "schedule_per_step",
                        "step_epochs", "step_factor", "stop_epoch"},
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
  loading.images = run.train.images;
  loading.subset = run.subset;
  loading.policy = run.policy;
  loading.target = run.target;
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

absl::StatusOr<Predictions> Predict(const Run& run, StageContext* context) {
  ConditionedProjector& head = run.method->projector();
  head.eval();
  // The method owns it.
  const std::shared_ptr<Backbone> borrowed(&run.method->backbone(), [](Backbone*) {});
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FrozenEncoder> encoder,
                          FrozenEncoder::Create(run.spec, borrowed, {}));
  const Dataset& images = *run.test.images;
  const auto predict = [&](int64_t first, int64_t last) -> absl::StatusOr<std::vector<int>> {
    const int64_t bytes = encoder->input_bytes();
    std::vector<uint8_t> pixels((last - first) * bytes);
    for (int64_t i = first; i < last; ++i) {
      v1::ImageRecord record;
      RgbImage image;
      CASSLE_RETURN_IF_ERROR(images.ReadImage(run.test.labelled[i], &record, &image));
      CASSLE_RETURN_IF_ERROR(encoder->Prepare(image, pixels.data() + (i - first) * bytes));
    }
    CASSLE_ASSIGN_OR_RETURN(std::vector<float> features, encoder->Extract(pixels));
    const c10::NoGradGuard no_grad;
    const at::Tensor logits = head.forward(
        at::from_blob(features.data(), {last - first, encoder->feature_size()}).to(run.device),
        at::Tensor());
    const at::Tensor best = at::argmax(logits, 1).cpu().contiguous();
    const int64_t* values = best.data_ptr<int64_t>();
    return std::vector<int>(values, values + best.numel());
  };
  Predictions predictions;
  predictions.preprocess_fingerprint = encoder->preprocess_fingerprint();
  for (const int64_t image : run.test.labelled)
    predictions.labels.push_back(run.test.labels[image]);
  CASSLE_RETURN_IF_ERROR(ForEachBatch<std::vector<int>>(
      "testing", static_cast<int64_t>(run.test.labelled.size()), kTestBatch, *context, predict,
      [&](const std::vector<int>& of_batch) {
        predictions.classes.insert(predictions.classes.end(), of_batch.begin(), of_batch.end());
        return absl::OkStatus();
      }));
  return predictions;
}

v1::ModelSpec FineTunedSpec(const Run& run) {
  const Options& options = run.options;
  v1::ModelSpec spec = run.spec;
  spec.set_provenance(absl::StrCat(
      spec.provenance(), spec.provenance().empty() ? "" : ", ", "fine-tuned (", run.target, ", ",
      options.labels_per_class() > 0
          ? absl::StrCat(options.labels_per_class(), " labels per class, ")
      : options.label_fraction() < 1
          ? absl::StrCat(100 * options.label_fraction(), " % of labels, ")
          : "",
      options.epochs(), options.epochs() == 1 ? " epoch)" : " epochs)"));
  return spec;
}

absl::Status WriteHead(const Run& run, const std::string& folder) {
  v1::HeadSpec head;
  head.set_target(run.target);
  for (const std::string& name : run.class_names) head.add_classes(name);
  return WriteFile(JoinPath(folder, kHeadSpecName), PrintTextProto(head));
}

absl::StatusOr<v1::Evaluation> ResultOf(const Run& run, const Predictions& predictions,
                                        const StageContext& context) {
  const Backbone& backbone = run.method->backbone();
  v1::Evaluation evaluation;
  evaluation.set_stage("fine-tune");
  evaluation.set_title("Fine-tuning");
  evaluation.set_encoder(FineTunedSpec(run).provenance());
  evaluation.set_weights_fingerprint(WeightsFingerprint(backbone));
  evaluation.set_preprocess_fingerprint(predictions.preprocess_fingerprint);
  evaluation.set_num_features(static_cast<int32_t>(backbone.feature_size()));
  for (const auto& [role, split, rows] :
       {std::tuple("train", &run.train, run.subset.size()),
        std::tuple("test", &run.test, run.test.labelled.size())}) {
    v1::EvaluatedSet* set = evaluation.add_sets();
    set->set_role(role);
    set->set_split(split->images->split().name());
    set->set_dataset_fingerprint(context.input_fingerprint("input"));
    set->set_num_rows(static_cast<int32_t>(rows));
  }
  std::vector<int> learnt;
  for (int64_t row : run.subset) learnt.push_back(run.train.labels[row]);
  const ClassCounts seen = CountRight(learnt, learnt, run.classes);
  const int frequent =
      static_cast<int>(std::max_element(seen.rows.begin(), seen.rows.end()) - seen.rows.begin());
  const ClassCounts tested = CountRight(predictions.classes, predictions.labels, run.classes);
  const ClassCounts chance = CountRight(std::vector<int>(predictions.classes.size(), frequent),
                                        predictions.labels, run.classes);
  const auto rows = static_cast<int64_t>(predictions.classes.size());
  AddAccuracy(absl::StrCat(run.target, ": top1"), tested.Top1(), rows, &evaluation)
      ->set_chance(chance.Top1());
  AddAccuracy(absl::StrCat(run.target, ": class average"), tested.ClassAverage(), rows, &evaluation)
      ->set_chance(chance.ClassAverage());
  for (int c = 0; c < run.classes; ++c) {
    if (seen.rows[c] > 0 || tested.rows[c] == 0) continue;
    evaluation.add_warnings(absl::StrCat("class ", run.class_names[c],
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
  CASSLE_RETURN_IF_ERROR(OpenData(&run));
  const std::string positions =
      ResizedPositionsSentence(run.spec.backbone(), run.spec.image_size());
  if (!positions.empty()) context.Note(positions);
  NoteUnlabelled(run.train, run.target, &context);
  NoteUnlabelled(run.test, run.target, &context);
  CASSLE_RETURN_IF_ERROR(BuildMethod(&run));
  CASSLE_ASSIGN_OR_RETURN(run.device, ResolveDevice(run.options.device(), LocalRankOf(context)));
  ConfigureDevice(run.device, {});
  MoveTensors(run.method->state(), run.device);
  context.Say(absl::StrCat("learning ", run.target, " (", run.classes, " classes) from ",
                           run.subset.size(), " of ", run.train.labels.size(), " images; ",
                           DescribeTorchRuntime()));
  CASSLE_ASSIGN_OR_RETURN(const v1::TrainingConfig training, TrainingOf(run));
  Trainer trainer(training, run.device, LoadingOf(run), run.method.get(), /*monitor=*/nullptr,
                  run.team, &context);
  CASSLE_RETURN_IF_ERROR(trainer.Run());
  if (!context.leads()) return absl::OkStatus();
  CASSLE_ASSIGN_OR_RETURN(const Predictions predictions, Predict(run, &context));
  CASSLE_RETURN_IF_ERROR(WriteTrainedModel(*run.method, FineTunedSpec(run), run.policy,
                                           /*groups=*/{}, context.output_dir()));
  CASSLE_RETURN_IF_ERROR(WriteHead(run, context.output_dir()));
  CASSLE_ASSIGN_OR_RETURN(const v1::Evaluation evaluation, ResultOf(run, predictions, context));
  CASSLE_RETURN_IF_ERROR(RemoveCheckpoints(context.output_dir(), /*keep_newest=*/false));
  context.Say(
      absl::StrFormat("%s: test top1 %.2f %%", run.target, 100 * evaluation.scores(0).value()));
  context.Count("labelled_images", static_cast<int64_t>(run.subset.size()));
  context.Count("steps", trainer.steps());
  return WriteEvaluation(evaluation, context);
}

}  // namespace

StageInfo FineTuneInfo() {
  return {.name = "fine-tune",
          .version = 2,
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
