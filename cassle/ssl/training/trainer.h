// The training loop: batches -> Method -> Optimizer, with metrics, checkpoints, resuming and
// guards. It names no method.
//
// What a run leaves is a function of its options: an interrupted and resumed run ends with the
// bytes of an undisturbed one, metrics included. Times and rates go to stderr only.
#ifndef CASSLE_SSL_TRAINING_TRAINER_H_
#define CASSLE_SSL_TRAINING_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/augment/loading/view_loader.h"
#include "cassle/models/weights/batch_tensor.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/optimizers/optimizer.h"
#include "cassle/ssl/settings/training.pb.h"
#include "cassle/ssl/training/accumulate.h"
#include "cassle/ssl/training/average_gradients.h"
#include "cassle/ssl/training/checkpoint.pb.h"
#include "cassle/ssl/training/collapse.h"
#include "cassle/ssl/training/monitor.h"
#include "cassle/stage/progress.h"
#include "cassle/stage/stage.h"
#include "cassle/training_log/metrics_log.h"

namespace cassle {

// What a stage adds to the loop.
struct TrainerHooks {
  // Before the first step of this process, on the rank that leads: everything is accepted and
  // nothing is written yet. May be empty.
  std::function<absl::Status()> begin;
  // The command that shows the batch of a step, for messages. May be empty.
  std::function<std::string(int64_t step)> batch_command;
};

// Not thread-safe.
class Trainer {
 public:
  // method, monitor and context must outlive the trainer.
  //   device   Where the method's tensors are (MoveTensors), and batches go. On a GPU nobody waits
  //            for a step: losses are read when a line of metrics or a checkpoint is written, and
  //            one that is not finite is found then, before anything is kept.
  //   loading  Images, policy, groups, target and number of views; its other fields are filled in
  //            from `training` and `context`.
  //   monitor  Null for none, and on ranks that do not lead.
  //   team     Those that train the method together (MethodSetup.team); null: this process alone.
  //            Rank 0 keeps checkpoints and metrics, reads what a run goes on from, and tells the
  //            others; they need no access to its folder.
  Trainer(const v1::TrainingConfig& training, c10::Device device, ViewLoaderOptions loading,
          Method* method, Monitor* monitor, Team* team, StageContext* context,
          TrainerHooks hooks = {});

  // Goes on from the newest checkpoint in context->output_dir() if context->resumed(), else starts;
  // returns after the last epoch, with a checkpoint of the finished run in the folder.
  // \error kCancelled after a signal: a checkpoint was taken, the same command goes on from it;
  // kFailedPrecondition if the loss, the gradient or what a checkpoint would keep is not finite,
  // with the step and the remedy, or if the encoder has collapsed (CheckCollapse); kDataLoss if
  // every checkpoint is damaged; what the loader and the monitor return.
  absl::Status Run();

  // After Run.
  int64_t steps() const { return state_.step(); }
  const v1::TrainMetrics& last_metrics() const { return state_.last_metrics(); }

 private:
  // What all ranks have of a checkpoint, and everything it keeps.
  std::vector<NamedTensor> Shared() const;
  std::vector<NamedTensor> Everything() const;
  absl::Status Resume();
  // All ranks get what rank 0 has.
  absl::Status ShareStart();
  // What rank 0 alone does.
  absl::Status AloneOnFirst(const std::function<absl::Status()>& work);
  bool leads() const { return team_ == nullptr || team_->rank() == 0; }
  // Results of the processor and of GPUs are not mixed, and who has none would wait for them.
  absl::Status CheckSameKindOfDevice() const;
  // Whether any rank shall stop.
  bool AnyInterrupted() const;
  // Goes on from training_.begin().
  absl::Status ContinueLink();
  // Tells people if it is another than before, and notes it for checkpoints to come.
  void TellPlace();
  absl::Status SaveState();
  absl::Status SaveStateAlone();
  // Measures if the monitor is due after the epochs done.
  absl::Status MonitorIfDue();
  absl::Status MeasureAlone();
  absl::Status Interrupted() const;
  // Where an epoch, or what was done of it in this process, began.
  struct EpochStart {
    TimeAccount account;
    int64_t step = 0;
  };
  // A line for people about the epoch that ended, and the sums so far for the account of costs.
  void SayWhereTimeWent(const ViewLoader& loader, const EpochStart& start) const;
  Batch MakeBatch(const ViewBatch& batch) const;
  // \error kFailedPrecondition naming the first image without a label, if the method needs them.
  absl::Status CheckLabels(const ViewBatch& batch) const;
  absl::Status TakeStep(const ViewBatch& batch);
  // Reads the losses and gradient norms of steps that nobody waited for.
  // \error kFailedPrecondition naming the step if one is not finite.
  absl::Status ReadSteps();
  // Why the step under way, or one that was taken `steps_ago`, cannot be taken.
  absl::Status NotFinite(const char* what, double value, int64_t steps_ago = 0) const;
  // From 1; 0 before the first step.
  int64_t EpochOfLastStep() const;
  // Writes a line of metrics.
  // \error kFailedPrecondition if it tells of a collapse.
  absl::Status Log(const BatchPass& pass, double learning_rate);
  // Where the newest checkpoint is, for messages.
  std::string WhatIsKept() const;
  // What to do about a run that diverged, and how to see the batch of that step.
  std::string Remedy(int64_t step) const;
  bool CheckpointIsDue() const;
  bool Finished() const;
  // Where schedules are, in epochs.
  double SchedulePosition() const;
  // Of the step that is taken.
  double LearningRate() const;

  const v1::TrainingConfig training_;
  const c10::Device device_;
  ViewLoaderOptions loading_;
  Method* const method_;
  Monitor* const monitor_;
  Team* const team_;
  PixelNormalizer normalizer_;
  StageContext* const context_;
  const TrainerHooks hooks_;
  const std::unique_ptr<Optimizer> optimizer_;
  v1::TrainState state_;
  int64_t batches_per_epoch_ = 0;
  int64_t checkpoint_step_ = -1;
  double last_loss_ = 0;
  double last_gradient_norm_ = 0;
  // Loss and gradient norm, [2], of each step since they were last read.
  std::vector<at::Tensor> unread_;
  double monitor_seconds_ = 0;
  std::unique_ptr<MetricsLog> log_;
  // Null without a team.
  std::unique_ptr<GradientAverager> averager_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_TRAINER_H_
