#include "cassle/ssl/pretrain.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/augment/view_loader.h"
#include "cassle/base/file.h"
#include "cassle/base/options.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/batch_tensor.h"
#include "cassle/models/device.h"
#include "cassle/models/torch_guard.h"
#include "cassle/models/torch_runtime.h"
#include "cassle/ssl/checkpoint.h"
#include "cassle/ssl/monitor.h"
#include "cassle/ssl/optimizer.h"
#include "cassle/ssl/pretrain_options.h"
#include "cassle/ssl/pretrain_run.h"
#include "cassle/ssl/schedule.h"
#include "cassle/ssl/trained_model.h"
#include "cassle/ssl/trainer.h"
#include "cassle/ssl/training_links.h"

namespace cassle {
namespace {

PixelNormalizer NormalizerOf(const v1::Policy& policy) {
  return PixelNormalizer({policy.mean(0), policy.mean(1), policy.mean(2)},
                         {policy.std(0), policy.std(1), policy.std(2)});
}

// Where the run computes, made ready.
absl::StatusOr<c10::Device> PrepareDevice(const v1::PretrainOptions& options) {
  CASSLE_ASSIGN_OR_RETURN(const c10::Device device, ResolveDevice(options.device()));
  for (const auto& [flag, chosen] :
       {std::pair("tf32=true", options.tf32()),
        std::pair("fast_algorithms=true", options.fast_algorithms())}) {
    if (!chosen || !device.is_cpu()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag,
                     " is for GPUs, and this run computes on the processor: leave it "
                     "out"));
  }
  ConfigureDevice(device, {.tf32 = options.tf32(), .deterministic = !options.fast_algorithms()});
  return device;
}

// Null without monitors.
absl::StatusOr<std::unique_ptr<Monitor>> MakeMonitor(const PretrainRun& run, c10::Device device,
                                                     StageContext* context) {
  MonitorSetup setup;
  setup.images = run.images;
  setup.spec = ModelSpecOf(run);
  setup.make_backbone = [make = run.make_backbone,
                         device]() -> absl::StatusOr<std::shared_ptr<Backbone>> {
    CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, make());
    MoveTensors(backbone->state(), device);
    return backbone;
  };
  setup.bfloat16 = run.options.precision() == v1::BF16;
  setup.threads = context->threads();
  CASSLE_ASSIGN_OR_RETURN(auto monitor, Monitor::Create(run.options.monitor(), setup));
  if (monitor != nullptr) context->Say(monitor->Describe());
  return monitor;
}

Trainer MakeTrainer(const PretrainRun& run, c10::Device device, Monitor* monitor,
                    StageContext* context) {
  const v1::PretrainOptions& options = run.options;
  TrainOptions train;
  train.device = device;
  train.epochs = options.epochs();
  train.stop_epoch = options.stop_epoch();
  train.begin = options.begin();
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
  return Trainer(train, run.method.get(), monitor, NormalizerOf(run.policy), open_loader, context);
}

absl::Status WriteModel(const PretrainRun& run, const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(
      WriteTrainedModel(*run.method, ModelSpecOf(run), run.policy, run.groups, folder));
  return WriteFile(JoinPath(folder, kConfigFile), CanonicalOptions(run.options));
}

absl::Status Pretrain(const v1::PretrainOptions& options, StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: a model is a folder, not a stream");
  }
  CASSLE_RETURN_IF_ERROR(CheckPretrainNumbers(options));
  CASSLE_RETURN_IF_ERROR(CheckLinks(options, context.birth()));
  ConfigureTorch(options.compute_threads());
  CASSLE_ASSIGN_OR_RETURN(const c10::Device device, PrepareDevice(options));
  CASSLE_ASSIGN_OR_RETURN(PretrainRun run, BuildRun(options));
  MoveTensors(run.method->state(), device);
  context.Say(absl::StrCat(Provenance(run), "; ",
                           device.is_cpu() ? "" : absl::StrCat(DescribeDevice(device), ", "),
                           DescribeTorchRuntime()));
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<Monitor> monitor,
                          MakeMonitor(run, device, &context));
  Trainer trainer = MakeTrainer(run, device, monitor.get(), &context);
  CASSLE_RETURN_IF_ERROR(trainer.Run());
  FixImageChannels(&run);
  CASSLE_RETURN_IF_ERROR(WriteModel(run, context.output_dir()));
  CASSLE_RETURN_IF_ERROR(
      RemoveCheckpoints(context.output_dir(), /*keep_newest=*/run.options.stop_epoch() > 0));
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
      "Trains an image encoder by a self-supervised method (or with labels, as an upper bound), "
      "with "
      "or without telling its projector how each view was augmented (CASSLE).";
  info.resumable = true;
  info.resolve = ResolveWhere;
  return info;
}

absl::Status RunPretrain(const v1::PretrainOptions& options, StageContext& context) {
  return CatchTorch([&] { return Pretrain(options, context); });
}

}  // namespace cassle
