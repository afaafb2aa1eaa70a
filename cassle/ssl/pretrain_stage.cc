#include "cassle/ssl/pretrain_stage.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/training_record.h"
#include "cassle/base/file.h"
#include "cassle/base/shell_word.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/networks/vit_positions.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/ranks/stage_ranks.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/ssl/pretrain_options.h"
#include "cassle/ssl/pretrain_run.h"
#include "cassle/ssl/training/checkpoint.h"
#include "cassle/ssl/training/collapse.h"
#include "cassle/ssl/training/feature_monitor.h"
#include "cassle/ssl/training/trained_model.h"
#include "cassle/ssl/training/trainer.h"
#include "cassle/ssl/training_links.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

// Where the run computes, made ready.
absl::StatusOr<c10::Device> PrepareDevice(const v1::PretrainOptions& options, int local_rank) {
  CASSLE_ASSIGN_OR_RETURN(const c10::Device device, ResolveDevice(options.device(), local_rank));
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
absl::StatusOr<std::unique_ptr<FeatureMonitor>> MakeMonitor(const PretrainRun& run,
                                                            c10::Device device,
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
  CASSLE_ASSIGN_OR_RETURN(auto monitor, FeatureMonitor::Create(run.options.monitor(), setup));
  if (monitor != nullptr) context->Say(monitor->DescribeImages());
  return monitor;
}

ViewLoaderOptions LoadingOf(const PretrainRun& run) {
  ViewLoaderOptions loading;
  loading.images = run.images;
  loading.views_dir = run.options.views();
  loading.policy = run.policy;
  loading.groups = run.groups;
  loading.relative_groups = run.relative_groups;
  loading.target = run.options.target();
  loading.views = run.method->num_views();
  return loading;
}

// Small crops are seen with other positions than large ones.
absl::Status NotePositions(const PretrainRun& run, StageContext* context) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<v1::Policy> views,
                          ViewPolicies(run.policy, run.method->num_views()));
  std::set<int> sizes;
  for (const v1::Policy& view : views) sizes.insert(view.size());
  for (const int size : sizes) {
    const std::string positions = ResizedPositionsSentence(run.backbone, size);
    if (!positions.empty()) context->Note(positions);
  }
  return absl::OkStatus();
}

// What others may want to know of the run while it goes on, or when it stopped (report --follow,
// augment-and-record --run): its description, which the end writes again, and its record.
absl::Status DescribeRun(const PretrainRun& run, StageContext* context) {
  const std::string& folder = context->output_dir();
  for (const auto& [name, text] : {std::pair(kModelSpecName, PrintTextProto(ModelSpecOf(run))),
                                   std::pair(kPolicyName, PrintTextProto(run.policy)),
                                   std::pair(kConfigFile, CanonicalOptions(run.options))}) {
    CASSLE_RETURN_IF_ERROR(WriteFileAtomically(JoinPath(folder, name), text));
  }
  context->Count(kViewsCount, run.method->num_views());
  return context->KeepRecord();
}

// The command for the batch of a step.
std::string BatchCommand(const v1::PretrainOptions& options, const std::string& folder,
                         int64_t step) {
  std::string command =
      absl::StrCat("augment-and-record --run=", ShellWord(folder), " --step=", step);
  if (!options.input().empty()) {
    absl::StrAppend(&command, " --input=", ShellWord(options.input()));
  }
  if (!options.views().empty()) {
    absl::StrAppend(&command, " --recorded=", ShellWord(options.views()));
  }
  return absl::StrCat(command, " --output=step_", step);
}

TrainerHooks HooksOf(const PretrainRun& run, StageContext* context) {
  return {.begin = [&run, context] { return DescribeRun(run, context); },
          .batch_command =
              [&run, context](int64_t step) {
                // Of several ranks one knows the folder while it is not finished.
                return BatchCommand(run.options,
                                    context->leads() ? context->output_dir() : run.options.output(),
                                    step);
              }};
}

absl::Status Pretrain(const v1::PretrainOptions& options, StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: a model is a folder, not a stream");
  }
  CASSLE_RETURN_IF_ERROR(CheckLinks(options, context.birth()));
  ConfigureTorch(ComputeThreads(options.compute_threads(), context));
  CASSLE_ASSIGN_OR_RETURN(const c10::Device device, PrepareDevice(options, LocalRankOf(context)));
  Team* const team = TeamOf(context);
  CASSLE_ASSIGN_OR_RETURN(PretrainRun run, BuildRun(options, team));
  MoveTensors(run.method->state(), device);
  context.Say(absl::StrCat(
      Provenance(run), "; ", team == nullptr ? "" : absl::StrCat(team->size(), " ranks, "),
      device.is_cpu() ? "" : absl::StrCat(DescribeDevice(device), ", "), DescribeTorchRuntime()));
  for (const std::string& note : run.notes) context.Note(note);
  CASSLE_RETURN_IF_ERROR(NotePositions(run, &context));
  std::unique_ptr<FeatureMonitor> monitor;
  if (context.leads()) {
    CASSLE_ASSIGN_OR_RETURN(monitor, MakeMonitor(run, device, &context));
  }
  v1::TrainingConfig training;
  CASSLE_RETURN_IF_ERROR(CopyFieldsByName(run.options, /*without=*/{}, &training));
  Trainer trainer(training, device, LoadingOf(run), run.method.get(), monitor.get(), team, &context,
                  HooksOf(run, &context));
  CASSLE_RETURN_IF_ERROR(trainer.Run());
  if (!context.leads()) return absl::OkStatus();
  const std::string collapsed = CollapseSentence(trainer.last_metrics(), run.options.batch_size());
  if (!collapsed.empty()) context.NoteWarning(collapsed);
  FixImageChannels(&run);
  CASSLE_RETURN_IF_ERROR(WriteTrainedModel(*run.method, ModelSpecOf(run), run.policy, run.groups,
                                           context.output_dir()));
  CASSLE_RETURN_IF_ERROR(run.options.stop_epoch() > 0 ? RemoveOlderCheckpoints(context.output_dir())
                                                      : PutCheckpointsAside(context.output_dir()));
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
  info.more_help = RecipesHelp;
  info.check = CheckOf<v1::PretrainOptions>(CheckPretrainOptions);
  info.team = FindStageRanks<v1::PretrainOptions>;
  return info;
}

absl::Status RunPretrain(const v1::PretrainOptions& options, StageContext& context) {
  return CatchTorch([&] { return Pretrain(options, context); });
}

}  // namespace cassle
