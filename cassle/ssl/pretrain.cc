#include "cassle/ssl/pretrain.h"

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/descriptor.h"
#include "cassle/augment/policy.h"
#include "cassle/augment/recorded_views.h"
#include "cassle/augment/view_loader.h"
#include "cassle/base/file.h"
#include "cassle/base/options.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/class_target.h"
#include "cassle/data/dataset.h"
#include "cassle/models/backbone.h"
#include "cassle/models/conditioning.h"
#include "cassle/models/torch_runtime.h"
#include "cassle/models/weights.h"
#include "cassle/ssl/augself.h"
#include "cassle/ssl/batch_tensor.h"
#include "cassle/ssl/checkpoint.h"
#include "cassle/ssl/method_registry.h"
#include "cassle/ssl/monitor.h"
#include "cassle/ssl/optimizer.h"
#include "cassle/ssl/schedule.h"
#include "cassle/ssl/trainer.h"

namespace cassle {
namespace {

absl::Status CheckNumbers(const v1::PretrainOptions& options) {
  const auto at_least = [](const char* name, double value, double least) {
    if (value >= least) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("--", name, "=", value, ": expected at least ", least));
  };
  CASSLE_RETURN_IF_ERROR(at_least("epochs", options.epochs(), 1));
  CASSLE_RETURN_IF_ERROR(at_least("batch_size", options.batch_size(), 2));
  CASSLE_RETURN_IF_ERROR(at_least("base_lr", options.base_lr(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("weight_decay", options.weight_decay(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("warmup_epochs", options.warmup_epochs(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("clip_gradient_norm", options.clip_gradient_norm(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("compute_threads", options.compute_threads(), 1));
  CASSLE_RETURN_IF_ERROR(at_least("log_every_steps", options.log_every_steps(), 1));
  CASSLE_RETURN_IF_ERROR(at_least("keep_last_checkpoints", options.keep_last_checkpoints(), 1));
  CASSLE_RETURN_IF_ERROR(at_least("keep_every_epochs", options.keep_every_epochs(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("accumulate_steps", options.accumulate_steps(), 1));
  if (options.batch_size() % options.accumulate_steps() != 0 ||
      options.batch_size() / options.accumulate_steps() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--accumulate_steps=", options.accumulate_steps(), ": expected a divisor of --batch_size=",
        options.batch_size(), " that leaves at least 2 images a part"));
  }
  CASSLE_RETURN_IF_ERROR(at_least("checkpoint_every_epochs", options.checkpoint_every_epochs(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("checkpoint_every_steps", options.checkpoint_every_steps(), 0));
  CASSLE_RETURN_IF_ERROR(
      at_least("monitor.abort_if_spread_below", options.monitor().abort_if_spread_below(), 0));
  CASSLE_RETURN_IF_ERROR(
      at_least("monitor.abort_if_rank_below", options.monitor().abort_if_rank_below(), 0));
  CASSLE_RETURN_IF_ERROR(
      at_least("monitor.abort_grace_epochs", options.monitor().abort_grace_epochs(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("cache_mib", static_cast<double>(options.cache_mib()), 0));
  if (options.schedule() == v1::STEP && options.step_epochs().empty()) {
    return absl::InvalidArgumentError(
        "--schedule=step: name the epochs at which the rate falls, as --step_epochs=60,80");
  }
  if (!(options.step_factor() > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--step_factor=", options.step_factor(), ": expected a number above 0"));
  }
  if (!(options.momentum() >= 0 && options.momentum() < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--momentum=", options.momentum(), ": expected a number in [0, 1)"));
  }
  return absl::OkStatus();
}

// The policy that the options name; without one, that of the recorded views.
absl::StatusOr<v1::Policy> FindPolicy(const v1::PretrainOptions& options) {
  if (!options.policy().empty() && !options.policy_file().empty()) {
    return absl::InvalidArgumentError("--policy and --policy_file were both given: choose one");
  }
  if (!options.policy_file().empty()) {
    v1::Policy policy;
    CASSLE_RETURN_IF_ERROR(ReadTextProto(options.policy_file(), &policy));
    CASSLE_RETURN_IF_ERROR(CheckPolicy(policy));
    return policy;
  }
  if (!options.policy().empty()) {
    // LoadPolicy would take a path too, but only an INPUT field has its content in the identity of
    // the run.
    for (const std::string& name : PresetNames()) {
      if (name == options.policy()) return LoadPolicy(name);
    }
    const std::string nearest = NearestWord(options.policy(), PresetNames());
    return absl::InvalidArgumentError(absl::StrCat(
        "--policy=", options.policy(), " is not a preset",
        nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?"), " There are ",
        absl::StrJoin(PresetNames(), ", "), "; a text proto is named by --policy_file"));
  }
  if (options.views().empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no augmentation: name --policy (",
                                                   absl::StrJoin(PresetNames(), ", "),
                                                   "), --policy_file or --views"));
  }
  CASSLE_ASSIGN_OR_RETURN(const auto recorded, RecordedViews::Open(options.views()));
  return recorded->info().policy();
}

PixelNormalizer NormalizerOf(const v1::Policy& policy) {
  return PixelNormalizer({policy.mean(0), policy.mean(1), policy.mean(2)},
                         {policy.std(0), policy.std(1), policy.std(2)});
}

std::string Provenance(const v1::PretrainOptions& options, const std::vector<std::string>& groups,
                       const std::vector<std::string>& augself) {
  const std::string conditioning = groups.empty()
                                       ? std::string("none")
                                       : absl::StrCat(DescribeTreatment(options.conditioning()),
                                                      " (", absl::StrJoin(groups, ", "), ")");
  return absl::StrCat(MethodName(options.method()), ", conditioning ", conditioning,
                      augself.empty() ? "" : ", AugSelf (", absl::StrJoin(augself, ", "),
                      augself.empty() ? ", " : "), ", options.epochs(),
                      options.epochs() == 1 ? " epoch" : " epochs");
}

// One run: what the steps below share.
struct Run {
  v1::PretrainOptions options;
  std::shared_ptr<const Dataset> images;
  v1::Policy policy;
  v1::BackboneConfig backbone;
  // Descriptor groups the projector is told; empty without conditioning.
  std::vector<std::string> groups;
  // Their descriptor of an image that nothing was done to.
  std::vector<float> unaugmented;
  // Groups the features have to tell; empty without AugSelf.
  std::vector<std::string> augself;
  std::unique_ptr<Method> method;
  std::function<absl::StatusOr<std::shared_ptr<Backbone>>()> make_backbone;
  // Null without monitors.
  std::unique_ptr<Monitor> monitor;
};

absl::Status OpenData(Run* run) {
  const v1::PretrainOptions& options = run->options;
  if (options.input().empty() && options.views().empty()) {
    return absl::InvalidArgumentError("--input is missing: name the folder of an image data set");
  }
  CASSLE_ASSIGN_OR_RETURN(run->policy, FindPolicy(options));
  // Recorded views say themselves how they were drawn.
  if (options.compat() == v1::OFFICIAL && options.views().empty()) {
    run->policy.set_compat(v1::OFFICIAL);
  }
  if (!options.input().empty()) {
    CASSLE_ASSIGN_OR_RETURN(run->images, Dataset::Open(options.input(), options.split()));
    if (run->images->size() < options.batch_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--batch_size=", options.batch_size(), " is larger than split '",
                       run->images->split().name(), "' of ", options.input(), " with its ",
                       run->images->size(), " images"));
    }
  }
  return absl::OkStatus();
}

// Fills in what was not chosen of the optimisation.
void ResolveRecipe(const Recipe& recipe, v1::PretrainOptions* options) {
  const bool official = options->compat() == v1::OFFICIAL;
  if (options->optimizer() == v1::OPTIMIZER_KIND_UNSPECIFIED) {
    options->set_optimizer(recipe.optimizer);
  }
  // The authors' command line has one default for all methods: that of SGD.
  const v1::OptimizerKind kind = official ? v1::SGD : options->optimizer();
  // The recipe's numbers are for its optimiser.
  const bool own = options->optimizer() == recipe.optimizer;
  if (!options->has_base_lr()) {
    options->set_base_lr(own && recipe.base_lr ? *recipe.base_lr : DefaultBaseLearningRate(kind));
  }
  if (!options->has_weight_decay()) {
    options->set_weight_decay(own && recipe.weight_decay ? *recipe.weight_decay
                                                         : DefaultWeightDecay(kind));
  }
  if (!options->has_clip_gradient_norm()) {
    options->set_clip_gradient_norm(recipe.clip_gradient_norm);
  }
  if (!options->has_warmup_epochs()) {
    // Of a short run the cosine should see something too.
    const int64_t limit = options->epochs() / 5;
    options->set_warmup_epochs(static_cast<int32_t>(
        official ? recipe.warmup_epochs : std::min(recipe.warmup_epochs, limit)));
  }
}

absl::Status CheckPredictor(const v1::PretrainOptions& options, const Method& method) {
  if (!ConditionsPredictor(options.conditioning())) return absl::OkStatus();
  for (const Method::Network& network : method.networks()) {
    if (network.name == "predictor") return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--conditioning.predictor=true: ", MethodName(options.method()),
                   " has no predictor; leave the flag out"));
}

// What the data set and the policy must have for the method.
absl::Status CheckData(const Run& run) {
  const v1::PretrainOptions& options = run.options;
  const std::string name = MethodName(options.method());
  const int views = NumViews(run.policy);
  if (views > 0 && views < run.method->num_views()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy ", run.policy.name(), " makes ", views, views == 1 ? " view" : " views",
        " of an image, and ", name, " needs ", run.method->num_views(),
        ": choose another --policy, or raise a count in its `views`"));
  }
  if (!run.method->uses_labels()) {
    if (options.target().empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("--target=", options.target(), ": ", name,
                                                   " uses no labels; leave the flag out"));
  }
  if (!IsLabel(options.target()) || run.images == nullptr) return absl::OkStatus();
  const v1::SplitInfo& split = run.images->split();
  if (split.num_unlabeled() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      split.num_unlabeled(), " of the ", split.num_images(), " images of split '", split.name(),
      "' of ", run.images->folder(), " have no label, and ", name,
      " needs that of every image: choose another --split or --target, or another method"));
}

// Makes room in the backbone for what the conditioning wants beside the image.
absl::Status AddImageChannels(Run* run) {
  const v1::PretrainOptions& options = run->options;
  if (run->backbone.extra_channels_size() > 0) {
    return absl::InvalidArgumentError(
        "--backbone.extra_channels is written by pretrain: leave it out, and choose "
        "--conditioning.injection=image_channels");
  }
  const int64_t channels =
      NumImageChannels(options.conditioning(), static_cast<int64_t>(run->unaugmented.size()));
  if (channels == 0) return absl::OkStatus();
  if (options.conditioning().treatment() == v1::MLP && options.monitor().every_epochs() > 0) {
    return absl::InvalidArgumentError(
        "--monitor: with --conditioning=mlp and --conditioning.injection=image_channels what an "
        "unaugmented image looks like is known only at the end of the run; leave the monitor out, "
        "or choose --conditioning=raw");
  }
  // The embedding of an unaugmented image is known at the end.
  const bool raw = options.conditioning().treatment() == v1::RAW;
  for (int64_t i = 0; i < channels; ++i) {
    run->backbone.add_extra_channels(raw ? run->unaugmented[i] : 0);
  }
  return absl::OkStatus();
}

// What evaluation shall put into those channels: the descriptor of an image that nothing was done
// to, or its embedding.
void FixImageChannels(Run* run) {
  if (run->backbone.extra_channels_size() == 0) return;
  c10::NoGradGuard no_grad;
  for (const Method::Network& network : run->method->networks()) {
    if (network.name != "projector") continue;
    auto& projector = dynamic_cast<ConditionedProjector&>(*network.module);
    projector.eval();
    const at::Tensor values =
        projector.ImageChannels(MatrixTensor(run->unaugmented, /*batch_size=*/1)).contiguous();
    for (int64_t i = 0; i < values.numel(); ++i) {
      run->backbone.set_extra_channels(static_cast<int>(i), values.data_ptr<float>()[i]);
    }
  }
}

absl::Status BuildMethod(Run* run) {
  v1::PretrainOptions& options = run->options;
  CASSLE_ASSIGN_OR_RETURN(run->backbone, ResolveBackbone(options.backbone(), run->policy.size()));
  *options.mutable_backbone() = run->backbone;
  CASSLE_ASSIGN_OR_RETURN(*options.mutable_conditioning(),
                          ResolveConditioning(options.conditioning()));
  if (options.conditioning().treatment() != v1::NONE) {
    run->groups.assign(options.conditioning().groups().begin(),
                       options.conditioning().groups().end());
    if (run->groups.empty()) run->groups = DescriptorGroupsOf(run->policy);
  }
  const absl::StatusOr<DescriptorLayout> layout =
      DescriptorLayout::Create(run->policy, run->groups);
  if (!layout.ok()) return Annotate(layout.status(), "--conditioning.groups");
  run->unaugmented = layout->DescribeUnaugmented();
  CASSLE_RETURN_IF_ERROR(AddImageChannels(run));
  CASSLE_ASSIGN_OR_RETURN(run->augself, AugSelfGroups(options.augself()));
  const auto relative = DescriptorLayout::Create(run->policy, run->augself);
  if (!relative.ok()) return Annotate(relative.status(), "--augself");
  MethodSetup setup;
  // The images are channels-last, the weights stay contiguous: converting them too was measured to
  // be slower.
  run->make_backbone = [config = run->backbone, seed = options.seed()] {
    return MakeBackbone(config, seed);
  };
  setup.make_backbone = run->make_backbone;
  setup.conditioning = options.conditioning();
  setup.descriptor_size = layout->size();
  setup.augself = options.augself();
  setup.batch_size = options.batch_size();
  setup.part_size = options.batch_size() / options.accumulate_steps();
  setup.num_views = NumViews(run->policy) > 0 ? NumViews(run->policy) : 2;
  if (run->images != nullptr) {
    const auto classes = NumClasses(run->images->info(), options.target());
    if (!classes.ok()) return Annotate(classes.status(), "--target");
    setup.num_classes = *classes;
  }
  setup.seed = options.seed();
  setup.official = options.compat() == v1::OFFICIAL;
  setup.precision = options.precision() == v1::BF16 ? Precision::kBfloat16 : Precision::kFloat32;
  CASSLE_ASSIGN_OR_RETURN(run->method, MakeMethod(options.method(), setup));
  CASSLE_RETURN_IF_ERROR(CheckData(*run));
  CASSLE_RETURN_IF_ERROR(CheckPredictor(options, *run->method));
  ResolveRecipe(run->method->recipe(), &options);
  return absl::OkStatus();
}

v1::ModelSpec ModelSpecOf(const Run& run) {
  v1::ModelSpec spec;
  *spec.mutable_backbone() = run.backbone;
  spec.set_image_size(run.policy.size());
  *spec.mutable_mean() = run.policy.mean();
  *spec.mutable_std() = run.policy.std();
  spec.set_provenance(Provenance(run.options, run.groups, run.augself));
  return spec;
}

absl::Status BuildMonitor(const StageContext& context, Run* run) {
  MonitorSetup setup;
  setup.images = run->images;
  setup.spec = ModelSpecOf(*run);
  setup.make_backbone = run->make_backbone;
  setup.bfloat16 = run->options.precision() == v1::BF16;
  setup.threads = context.threads();
  CASSLE_ASSIGN_OR_RETURN(run->monitor, Monitor::Create(run->options.monitor(), setup));
  if (run->monitor != nullptr) context.Say(run->monitor->Describe());
  return absl::OkStatus();
}

Trainer MakeTrainer(const Run& run, StageContext* context) {
  const v1::PretrainOptions& options = run.options;
  TrainOptions train;
  train.epochs = options.epochs();
  train.batch_size = options.batch_size();
  train.schedule.kind = options.schedule();
  train.schedule.initial = ScaledLearningRate(options.base_lr(), options.batch_size());
  train.schedule.warmup_epochs = options.warmup_epochs();
  train.schedule.step_epochs.assign(options.step_epochs().begin(), options.step_epochs().end());
  train.schedule.step_factor = options.step_factor();
  train.schedule_per_step = options.schedule_per_step();
  train.clip_gradient_norm = options.clip_gradient_norm();
  train.optimizer.kind = options.optimizer();
  train.optimizer.momentum = options.momentum();
  train.optimizer.weight_decay = options.weight_decay();
  train.log_every_steps = options.log_every_steps();
  train.checkpoint_every_epochs = options.checkpoint_every_epochs();
  train.checkpoint_every_steps = options.checkpoint_every_steps();
  train.accumulate_steps = options.accumulate_steps();
  train.keep_last_checkpoints = options.keep_last_checkpoints();
  train.keep_every_epochs = options.keep_every_epochs();
  train.collapse = {options.monitor().abort_if_spread_below(),
                    options.monitor().abort_if_rank_below(),
                    options.monitor().abort_grace_epochs()};
  ViewLoaderOptions loading;
  loading.images = run.images;
  loading.views_dir = options.views();
  loading.policy = run.policy;
  loading.groups = run.groups;
  loading.relative_groups = run.augself;
  loading.target = options.target();
  loading.views = run.method->num_views();
  loading.seed = options.seed();
  loading.batch_size = options.batch_size();
  loading.num_epochs = options.epochs();
  loading.threads = context->threads();
  loading.cache_bytes = options.cache_mib() << 20;
  const auto open_loader = [loading](int64_t first_epoch, int64_t first_batch) mutable {
    loading.first_epoch = first_epoch;
    loading.first_batch = first_batch;
    return ViewLoader::Create(loading);
  };
  return Trainer(train, run.method.get(), run.monitor.get(), NormalizerOf(run.policy), open_loader,
                 context);
}

absl::Status WriteModel(const Run& run, const std::string& folder) {
  SafetensorsWriter weights;
  for (const Method::Network& network : run.method->networks()) {
    if (network.name != "backbone" && network.name != "projector") continue;
    CASSLE_RETURN_IF_ERROR(SaveModule(*network.module, network.name + ".", &weights));
  }
  CASSLE_RETURN_IF_ERROR(weights.Write(JoinPath(folder, kWeightsFile)));
  CASSLE_RETURN_IF_ERROR(
      WriteFile(JoinPath(folder, kModelSpecFile), PrintTextProto(ModelSpecOf(run))));
  return WriteFile(JoinPath(folder, kConfigFile), CanonicalOptions(run.options));
}

absl::Status Pretrain(const v1::PretrainOptions& options, StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: a model is a folder, not a stream");
  }
  CASSLE_RETURN_IF_ERROR(CheckNumbers(options));
  ConfigureTorch(options.compute_threads());
  Run run;
  run.options = options;
  CASSLE_RETURN_IF_ERROR(OpenData(&run));
  CASSLE_RETURN_IF_ERROR(BuildMethod(&run));
  context.Say(
      absl::StrCat(Provenance(run.options, run.groups, run.augself), "; ", DescribeTorchRuntime()));
  CASSLE_RETURN_IF_ERROR(BuildMonitor(context, &run));
  Trainer trainer = MakeTrainer(run, &context);
  CASSLE_RETURN_IF_ERROR(trainer.Run());
  FixImageChannels(&run);
  CASSLE_RETURN_IF_ERROR(WriteModel(run, context.output_dir()));
  CASSLE_RETURN_IF_ERROR(RemoveCheckpoints(context.output_dir()));
  int64_t parameters = 0;
  for (const NamedTensor& parameter : run.method->trained_parameters()) {
    parameters += parameter.tensor.numel();
  }
  context.Count("trained_parameters", parameters);
  context.Count("steps", trainer.steps());
  return context.SetResult(trainer.last_metrics());
}

}  // namespace

StageInfo PretrainInfo() {
  StageInfo info;
  info.name = "pretrain";
  info.version = 1;
  info.summary =
      "Trains an image encoder without labels, with or without telling its projector how each view "
      "was augmented (CASSLE).";
  info.resumable = true;
  return info;
}

absl::Status RunPretrain(const v1::PretrainOptions& options, StageContext& context) {
  try {
    return Pretrain(options, context);
  } catch (const c10::Error& error) {
    return absl::InternalError(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace cassle
