#include "cassle/ssl/training/trainer.h"

#include <ATen/ops/stack.h>

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/optimizers/make_optimizer.h"
#include "cassle/ssl/optimizers/schedule.h"
#include "cassle/ssl/training/average_gradients.h"
#include "cassle/ssl/training/checkpoint.h"
#include "cassle/ssl/training/computed_by.h"

namespace cassle {
namespace {

constexpr char kDivergedRemedy[] =
    ". Lower --base_lr, or raise --batch_size, or try --clip_gradient_norm=1, or "
    "--precision=float32 if this was bf16";

absl::Status WithRemedy(const absl::Status& status, const std::string& remedy) {
  return absl::Status(status.code(), absl::StrCat(status.message(), "; ", remedy));
}

PixelNormalizer NormalizerOf(const v1::Policy& policy) {
  return PixelNormalizer({policy.mean(0), policy.mean(1), policy.mean(2)},
                         {policy.std(0), policy.std(1), policy.std(2)});
}

}  // namespace

Trainer::Trainer(const v1::TrainingConfig& training, c10::Device device, ViewLoaderOptions loading,
                 Method* method, Monitor* monitor, Team* team, StageContext* context,
                 TrainerHooks hooks)
    : training_(training),
      device_(device),
      loading_(std::move(loading)),
      method_(method),
      monitor_(monitor),
      team_(team),
      normalizer_(NormalizerOf(loading_.policy)),
      context_(context),
      hooks_(std::move(hooks)),
      optimizer_(MakeOptimizer(training, method->parameter_groups())) {
  normalizer_.MoveTo(device);
  loading_.seed = training.seed();
  loading_.batch_size = training.batch_size();
  loading_.num_epochs = training.epochs();
  loading_.threads = context->threads();
  loading_.cache_bytes = training.cache_mib() << 20;
  if (team != nullptr) {
    averager_ = std::make_unique<GradientAverager>(method->trained_parameters(), team,
                                                   training.compress_gradients());
    loading_.rows =
        RowsOnRank(training.batch_size(), training.accumulate_steps(), team->rank(), team->size());
  }
}

absl::Status Trainer::AloneOnFirst(const std::function<absl::Status()>& work) {
  return team_ == nullptr ? work() : team_->AloneOnFirst(work);
}

bool Trainer::AnyInterrupted() const {
  return team_ == nullptr ? context_->interrupted() : team_->Any(context_->interrupted());
}

std::vector<NamedTensor> Trainer::Shared() const {
  std::vector<NamedTensor> all = method_->state();
  for (const NamedTensor& buffer : optimizer_->buffers()) {
    all.push_back({"optimizer." + buffer.name, buffer.tensor});
  }
  return all;
}

std::vector<NamedTensor> Trainer::Everything() const {
  std::vector<NamedTensor> all = Shared();
  if (monitor_ == nullptr) return all;
  for (const NamedTensor& kept : monitor_->state()) {
    all.push_back({"monitor." + kept.name, kept.tensor});
  }
  return all;
}

absl::Status Trainer::ContinueLink() {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> checkpoints,
                          FindCheckpoints(training_.begin()));
  if (checkpoints.empty()) {
    return absl::NotFoundError(absl::StrCat(training_.begin(), " has no checkpoint to go on from"));
  }
  absl::StatusOr<v1::TrainState> state = LoadCheckpoint(checkpoints[0], Everything());
  if (!state.ok()) return WithRemedy(state.status(), "--force makes that link again");
  state_ = *std::move(state);
  // Copies: they will grow.
  for (const char* name : {kMetricsFile, kEventsFile}) {
    CASSLE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(JoinPath(training_.begin(), name)));
    CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context_->output_dir(), name), bytes));
  }
  context_->Say(
      absl::StrCat("going on from ", training_.begin(), ", after epoch ", state_.epoch()));
  return absl::OkStatus();
}

absl::Status Trainer::Resume() {
  std::vector<std::string> checkpoints;
  if (context_->resumed()) {
    CASSLE_RETURN_IF_ERROR(TakeCheckpointsBack(context_->output_dir()));
    CASSLE_ASSIGN_OR_RETURN(checkpoints, FindCheckpoints(context_->output_dir()));
  }
  if (checkpoints.empty()) {
    if (!training_.begin().empty()) return ContinueLink();
    if (context_->resumed()) context_->Say("no checkpoint yet: starting from the first step");
    return absl::OkStatus();
  }
  absl::Status newest;
  for (size_t i = 0; i < checkpoints.size(); ++i) {
    const absl::StatusOr<v1::TrainState> state = LoadCheckpoint(checkpoints[i], Everything());
    if (!state.ok()) {
      if (i == 0) {
        newest =
            WithRemedy(state.status(), absl::StrCat("remove ", checkpoints[0], " to start over"));
      }
      // Of a single one the error says it.
      if (checkpoints.size() > 1) {
        context_->Warn(absl::StrCat("a checkpoint cannot be used: ", state.status().message()));
      }
      continue;
    }
    // They would be in the way when their steps come again.
    for (size_t k = 0; k < i; ++k) CASSLE_RETURN_IF_ERROR(RemoveAll(checkpoints[k]));
    state_ = *state;
    checkpoint_step_ = state_.step();
    context_->Say(
        absl::StrCat("resuming after step ", state_.step(), " (epoch ", state_.epoch() + 1, ")"));
    return absl::OkStatus();
  }
  return newest;
}

void Trainer::TellPlace() {
  const std::string place = DescribePlace(team_ == nullptr ? 1 : team_->size(), device_);
  const std::string last = LastPlace(state_);
  if (!last.empty() && last != place && leads()) {
    context_->Say(absl::StrCat("the checkpoint was computed by ", last, ", and the run goes on by ",
                               place, ": its last digits are those of neither alone"));
  }
  AddPlace(place, &state_);
}

absl::Status Trainer::ShareStart() {
  if (team_ == nullptr) return absl::OkStatus();
  std::string state = state_.SerializeAsString();
  team_->TakeFromFirst(&state);
  if (!state_.ParseFromString(state)) return absl::InternalError("rank 0 sent no state");
  std::string kept = absl::StrCat(checkpoint_step_);
  team_->TakeFromFirst(&kept);
  if (!absl::SimpleAtoi(kept, &checkpoint_step_)) return absl::InternalError("rank 0 sent no step");
  for (const NamedTensor& named : Shared()) team_->TakeFromFirst(named.tensor);
  return absl::OkStatus();
}

absl::Status Trainer::SaveState() {
  if (checkpoint_step_ == state_.step()) return absl::OkStatus();
  CASSLE_RETURN_IF_ERROR(ReadSteps());
  CASSLE_RETURN_IF_ERROR(AloneOnFirst([&] { return SaveStateAlone(); }));
  checkpoint_step_ = state_.step();
  return absl::OkStatus();
}

absl::Status Trainer::SaveStateAlone() {
  CASSLE_ASSIGN_OR_RETURN(const MetricsPosition position, log_->Sync());
  state_.set_metrics_bytes(position.metrics_bytes);
  state_.set_events_bytes(position.events_bytes);
  const absl::Status saved = SaveCheckpoint(
      context_->output_dir(), state_, Everything(),
      {training_.keep_last_checkpoints(), training_.keep_every_epochs() * batches_per_epoch_});
  if (absl::IsFailedPrecondition(saved)) {
    return absl::FailedPreconditionError(absl::StrCat("after step ", state_.step(), " (epoch ",
                                                      EpochOfLastStep(), "): ", saved.message(),
                                                      "; ", WhatIsKept(), Remedy(state_.step())));
  }
  return saved;
}

absl::Status Trainer::CheckSameKindOfDevice() const {
  const bool any_on_processor = team_->Any(device_.is_cpu());
  const bool any_on_gpu = team_->Any(!device_.is_cpu());
  if (!any_on_processor || !any_on_gpu) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "rank ", team_->rank(), " computes on ",
      device_.is_cpu() ? "the processor and others on GPUs" : "a GPU and others do not",
      ": has a machine lost its GPU? --device says where all are to compute"));
}

absl::Status Trainer::Run() {
  // What a launcher started is known only here.
  CASSLE_RETURN_IF_ERROR(CheckShares(training_.batch_size(), training_.accumulate_steps(),
                                     training_.batch_norm_group(),
                                     team_ == nullptr ? 1 : team_->size()));
  if (leads() && training_.warmup_epochs() > 0 && training_.warmup_epochs() >= training_.epochs()) {
    context_->NoteWarning(absl::StrCat("--warmup_epochs=", training_.warmup_epochs(),
                                       " takes all of the ", training_.epochs(),
                                       " epochs: the learning rate only rises"));
  }
  if (team_ == nullptr && training_.compress_gradients()) {
    return absl::InvalidArgumentError(
        "--compress_gradients is for several ranks, and there is one: leave it out");
  }
  CASSLE_RETURN_IF_ERROR(AloneOnFirst([&] { return Resume(); }));
  if (team_ != nullptr) {
    CASSLE_RETURN_IF_ERROR(CheckSameKindOfDevice());
    CASSLE_ASSIGN_OR_RETURN(const std::string way, team_->UseDevice(device_));
    if (!way.empty()) context_->Say(way);
  }
  CASSLE_RETURN_IF_ERROR(ShareStart());
  const bool finished = Finished();
  if (!finished) TellPlace();
  const std::string computed_by = ComputedBySentence(state_);
  if (!computed_by.empty()) context_->Note(computed_by);
  std::unique_ptr<ViewLoader> loader;
  if (!finished) {
    loading_.first_epoch = state_.epoch();
    loading_.first_batch = state_.batch_in_epoch();
    CASSLE_ASSIGN_OR_RETURN(loader, ViewLoader::Create(loading_));
  }
  // The first file is written after the loader has accepted its inputs: a refused run leaves
  // nothing.
  if (leads()) {
    if (hooks_.begin) CASSLE_RETURN_IF_ERROR(hooks_.begin());
    CASSLE_ASSIGN_OR_RETURN(
        log_,
        MetricsLog::Open(context_->output_dir(), {state_.metrics_bytes(), state_.events_bytes()}));
  }
  // A run that was stopped while it measured the finished encoder measures it again.
  if (finished) return MonitorIfDue();
  batches_per_epoch_ = loader->batches_per_epoch();
  std::optional<Progress> progress;
  if (leads()) {
    progress.emplace("training", training_.epochs() * batches_per_epoch_ * training_.batch_size(),
                     "images", state_.step() * training_.batch_size());
  }
  EpochStart start;
  start.step = state_.step();
  CASSLE_RETURN_IF_ERROR(MonitorIfDue());
  while (!Finished()) {
    CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<const ViewBatch> batch, loader->Next());
    if (batch == nullptr) return absl::InternalError("the loader ended before the last epoch");
    CASSLE_RETURN_IF_ERROR(TakeStep(*batch));
    if (progress.has_value()) {
      progress->Set(state_.step() * training_.batch_size(),
                    absl::StrFormat("epoch %d of %d, loss %.4f", batch->epoch + 1,
                                    training_.epochs(), last_loss_));
    }
    const bool epoch_ended = state_.batch_in_epoch() == 0;
    if (epoch_ended) SayWhereTimeWent(*loader, start);
    const bool done = Finished();
    const bool stop = AnyInterrupted();
    if (done || CheckpointIsDue() || stop) CASSLE_RETURN_IF_ERROR(SaveState());
    if (!done && stop) return Interrupted();
    if (epoch_ended) {
      // After the checkpoint: stopped while it measures, a run has only that to do again.
      CASSLE_RETURN_IF_ERROR(MonitorIfDue());
      start = {loader->time_account(), state_.step()};
    }
  }
  return absl::OkStatus();
}

absl::Status Trainer::Interrupted() const {
  return absl::CancelledError(absl::StrCat("interrupted after step ", state_.step(),
                                           "; the same command goes on from there"));
}

absl::Status Trainer::MonitorIfDue() {
  const int64_t epoch = state_.epoch();
  if (state_.batch_in_epoch() != 0 || state_.next_monitor_epoch() > epoch) return absl::OkStatus();
  absl::Status measured;
  CASSLE_RETURN_IF_ERROR(AloneOnFirst([&] {
    measured = MeasureAlone();
    return absl::IsCancelled(measured) ? absl::OkStatus() : measured;
  }));
  const bool stopped = absl::IsCancelled(measured);
  if (team_ == nullptr ? stopped : team_->Any(stopped)) {
    CASSLE_RETURN_IF_ERROR(SaveState());
    return Interrupted();
  }
  return absl::OkStatus();
}

// \error kCancelled if the run shall stop: nothing was measured.
absl::Status Trainer::MeasureAlone() {
  const int64_t epoch = state_.epoch();
  if (monitor_ == nullptr || !monitor_->IsDue(epoch, training_.epochs())) return absl::OkStatus();
  // Every start of a run gets somewhere, however early the signal came.
  const bool interrupted_before = context_->interrupted();
  const absl::Time begin = absl::Now();
  v1::TrainMetrics line;
  line.set_step(static_cast<int32_t>(state_.step()));
  line.set_epoch(static_cast<int32_t>(epoch));
  CASSLE_RETURN_IF_ERROR(monitor_->Measure(
      *method_, [&] { return !interrupted_before && context_->interrupted(); }, &line));
  monitor_seconds_ += absl::ToDoubleSeconds(absl::Now() - begin);
  context_->Spend("monitor", monitor_seconds_);
  CASSLE_RETURN_IF_ERROR(log_->Write(line));
  state_.set_next_monitor_epoch(epoch + 1);
  if (epoch == 0) *state_.mutable_untrained() = line;
  state_.mutable_last_metrics()->MergeFrom(line);
  context_->Say(monitor_->Describe(line, state_.untrained()));
  return absl::OkStatus();
}

void Trainer::SayWhereTimeWent(const ViewLoader& loader, const EpochStart& start) const {
  const TimeAccount now = loader.time_account();
  const TimeAccount epoch = now - start.account;
  const double images = static_cast<double>((state_.step() - start.step) * training_.batch_size());
  context_->Say(absl::StrFormat(
      "epoch %d: loss %.4f, learning rate %.4g, %.1f images/s; %s", state_.epoch(),
      state_.last_metrics().epoch_loss(), state_.last_metrics().learning_rate(),
      epoch.wall > 0 ? images / epoch.wall : 0, DescribeBottleneck(epoch, "training")));
  for (int i = 0; i < kNumWorks; ++i) {
    const Work work = static_cast<Work>(i);
    if (now.work[i] > 0) context_->Spend(absl::StrCat("views.", WorkName(work)), now.work[i]);
  }
  context_->Spend("views.workers_waited", now.workers_waited);
  context_->Spend("views.training_waited", now.consumer_waited);
  if (averager_ != nullptr) {
    context_->Spend("ranks.gradients_under_way", averager_->sent_seconds());
    context_->Spend("ranks.waited_for_gradients", averager_->waited_seconds());
  }
}

Batch Trainer::MakeBatch(const ViewBatch& batch) const {
  Batch tensors;
  for (size_t i = 0; i < batch.pixels.size(); ++i) {
    tensors.views.push_back(
        {normalizer_.Normalize(batch.pixels[i], batch.batch_size, batch.sizes[i]),
         Upload(MatrixTensor(batch.descriptors[i], batch.batch_size), device_)});
    if (i < batch.relative.size()) {
      tensors.views[i].relative =
          Upload(MatrixTensor(batch.relative[i], batch.batch_size), device_);
    }
  }
  tensors.labels = Upload(LabelTensor(batch.labels), device_);
  return tensors;
}

absl::Status Trainer::CheckLabels(const ViewBatch& batch) const {
  if (!method_->uses_labels()) return absl::OkStatus();
  for (size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.labels[i] >= method_->num_classes()) {
      return absl::DataLossError(
          absl::StrCat("image ", batch.image_ids[i], " has class ", batch.labels[i],
                       ", and there are ", method_->num_classes(), ": encode the data set again"));
    }
    if (batch.labels[i] >= 0) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "image ", batch.image_ids[i],
        " has no label, and the method needs that of every image: choose another --split or "
        "--target, encode the data set without such images, or train with another method"));
  }
  return absl::OkStatus();
}

absl::Status Trainer::TakeStep(const ViewBatch& batch) {
  CASSLE_RETURN_IF_ERROR(CheckLabels(batch));
  optimizer_->ZeroGrad();
  const double position = SchedulePosition();
  method_->set_progress(position, static_cast<double>(training_.epochs()));
  const BatchPass pass = AccumulateGradients(
      MakeBatch(batch), training_.accumulate_steps(), method_,
      {team_, training_.batch_size(), averager_.get()}, training_.batch_norm_group());
  const double limit = training_.clip_gradient_norm();
  const bool clips_each = training_.clip_each_parameter();
  if (pass.unread_loss.defined()) {
    const at::Tensor norm = optimizer_->GradientNormTensor();
    unread_.push_back(at::stack({pass.unread_loss, norm}));
    optimizer_->ClipGradients(norm, clips_each ? 0 : limit);
  } else {
    if (!std::isfinite(pass.loss)) return NotFinite("loss", pass.loss);
    last_gradient_norm_ = optimizer_->GradientNorm();
    if (!std::isfinite(last_gradient_norm_)) return NotFinite("gradient", last_gradient_norm_);
    optimizer_->ClipGradients(last_gradient_norm_, clips_each ? 0 : limit);
    last_loss_ = pass.loss;
    state_.set_epoch_loss_sum(state_.epoch_loss_sum() + pass.loss);
  }
  optimizer_->ClipEachGradient(clips_each ? limit : 0);
  const double learning_rate = LearningRate();
  optimizer_->set_weight_decay(WeightDecayAt(training_, position));
  optimizer_->Step(GroupRates(optimizer_->groups(), FullLearningRate(training_), learning_rate));
  method_->AfterStep();

  state_.set_step(state_.step() + 1);
  state_.set_batch_in_epoch(state_.batch_in_epoch() + 1);
  const bool epoch_ends = state_.batch_in_epoch() == batches_per_epoch_;
  if (epoch_ends || state_.step() % training_.log_every_steps() == 0) {
    CASSLE_RETURN_IF_ERROR(ReadSteps());
    CASSLE_RETURN_IF_ERROR(Log(pass, learning_rate));
  }
  if (epoch_ends) {
    state_.set_epoch(state_.epoch() + 1);
    state_.set_batch_in_epoch(0);
    state_.set_epoch_loss_sum(0);
  }
  return absl::OkStatus();
}

absl::Status Trainer::ReadSteps() {
  if (unread_.empty()) return absl::OkStatus();
  const at::Tensor values = at::stack(unread_).cpu();  // [steps, 2]
  const float* value = values.data_ptr<float>();
  const int64_t steps = values.size(0);
  unread_.clear();
  for (int64_t i = 0; i < steps; ++i, value += 2) {
    if (!std::isfinite(value[0])) return NotFinite("loss", value[0], steps - i);
    if (!std::isfinite(value[1])) return NotFinite("gradient", value[1], steps - i);
    last_loss_ = value[0];
    last_gradient_norm_ = value[1];
    state_.set_epoch_loss_sum(state_.epoch_loss_sum() + last_loss_);
  }
  return absl::OkStatus();
}

absl::Status Trainer::NotFinite(const char* what, double value, int64_t steps_ago) const {
  const int64_t step = state_.step() + 1 - steps_ago;
  return absl::FailedPreconditionError(
      absl::StrCat("step ", step, " (epoch ", state_.epoch() + 1, "): the ", what, " is ", value,
                   steps_ago == 0 ? ". The step was not taken; " : ". Nothing was kept of it; ",
                   WhatIsKept(), Remedy(step)));
}

std::string Trainer::Remedy(int64_t step) const {
  if (!hooks_.batch_command) return kDivergedRemedy;
  return absl::StrCat(kDivergedRemedy, ". To see its batch: ", hooks_.batch_command(step));
}

int64_t Trainer::EpochOfLastStep() const {
  return state_.batch_in_epoch() > 0 ? state_.epoch() + 1 : state_.epoch();
}

std::string Trainer::WhatIsKept() const {
  if (checkpoint_step_ < 0) return "there was no checkpoint yet";
  return absl::StrCat("the checkpoint after step ", checkpoint_step_, " is kept in ",
                      context_->output_dir());
}

absl::Status Trainer::Log(const BatchPass& pass, double learning_rate) {
  const ProjectionStatistics statistics = DescribeProjections(pass.z1, pass.z2);
  v1::TrainMetrics metrics;
  metrics.set_step(static_cast<int32_t>(state_.step()));
  metrics.set_epoch(static_cast<int32_t>(state_.epoch() + 1));
  metrics.set_loss(last_loss_);
  metrics.set_learning_rate(learning_rate);
  metrics.set_gradient_norm(last_gradient_norm_);
  metrics.set_projection_spread(statistics.spread);
  metrics.set_matched_cosine(statistics.matched_cosine);
  metrics.set_unmatched_cosine(statistics.unmatched_cosine);
  metrics.set_projection_rank(EffectiveRank(pass.z1));
  if (pass.features1.defined()) {
    metrics.set_feature_spread(Spread(pass.features1));
    metrics.set_feature_rank(EffectiveRank(pass.features1));
  }
  if (state_.batch_in_epoch() == batches_per_epoch_) {
    metrics.set_epoch_loss(state_.epoch_loss_sum() / static_cast<double>(batches_per_epoch_));
  }
  *state_.mutable_last_metrics() = metrics;
  if (log_ != nullptr) CASSLE_RETURN_IF_ERROR(log_->Write(metrics));
  const absl::Status collapsed = CheckCollapse(training_.monitor(), metrics);
  if (collapsed.ok()) return collapsed;
  return absl::Status(collapsed.code(), absl::StrCat(collapsed.message(), "; ", WhatIsKept()));
}

double Trainer::SchedulePosition() const {
  const double epoch = static_cast<double>(state_.epoch());
  if (!training_.schedule_per_step()) return epoch;
  return epoch +
         static_cast<double>(state_.batch_in_epoch()) / static_cast<double>(batches_per_epoch_);
}

double Trainer::LearningRate() const {
  // In steps of an epoch each, a warm-up of one epoch would be none.
  if (training_.warmup_epochs() == 1 && state_.epoch() == 0) {
    return FullLearningRate(training_) * static_cast<double>(state_.batch_in_epoch() + 1) /
           static_cast<double>(batches_per_epoch_);
  }
  return LearningRateAt(training_, SchedulePosition());
}

bool Trainer::Finished() const {
  return state_.epoch() >=
         (training_.stop_epoch() > 0 ? training_.stop_epoch() : training_.epochs());
}

bool Trainer::CheckpointIsDue() const {
  const int64_t by_steps = training_.checkpoint_every_steps();
  if (by_steps > 0 && state_.step() % by_steps == 0) return true;
  for (const int64_t by_epochs :
       {training_.checkpoint_every_epochs(), training_.keep_every_epochs()}) {
    if (by_epochs > 0 && state_.batch_in_epoch() == 0 && state_.epoch() % by_epochs == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace cassle
