// The training loop: batches -> Method -> Optimizer, with metrics, checkpoints, resuming and
// guards. It names no method.
//
// What a run leaves is a function of its options: an interrupted and resumed run ends with the
// bytes of an undisturbed one, metrics included. Times and rates go to stderr only.
#ifndef CASSLE_SSL_TRAINER_H_
#define CASSLE_SSL_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/augment/view_loader.h"
#include "cassle/base/progress.h"
#include "cassle/base/stage.h"
#include "cassle/models/batch_tensor.h"
#include "cassle/models/device.h"
#include "cassle/ssl/accumulate.h"
#include "cassle/ssl/checkpoint.pb.h"
#include "cassle/ssl/collapse.h"
#include "cassle/ssl/method.h"
#include "cassle/ssl/metrics_log.h"
#include "cassle/ssl/monitor.h"
#include "cassle/ssl/optimizer.h"
#include "cassle/ssl/schedule.h"

namespace cassle {

struct TrainOptions {
  int64_t epochs = 1;
  // Run returns after this many of them, with its checkpoint; schedules see `epochs`. 0: all.
  int64_t stop_epoch = 0;
  // Folder of a run that stopped there earlier: this one goes on from its checkpoint. Empty: from
  // the first step.
  std::string begin;
  int64_t batch_size = 1;
  // Parts in which a batch goes through the networks (accumulate.h); divides batch_size.
  int64_t accumulate_steps = 1;
  RateSchedule schedule;
  // The rate, and the momenta of methods, change at every step instead of every epoch.
  bool schedule_per_step = false;
  // Gradients are scaled down to this Euclidean norm, over all parameters; 0: never.
  double clip_gradient_norm = 0;
  OptimizerOptions optimizer;
  // Where the method's tensors are (MoveTensors), and batches go. On a GPU nobody waits for a step:
  // losses are read when a line of metrics or a checkpoint is written, and one that is not finite
  // is found then, before anything is kept.
  c10::Device device = c10::Device(c10::kCPU);
  // A line of metrics every so many steps, and at the end of every epoch.
  int64_t log_every_steps = 10;
  // 0: never for this reason. Checkpoints change speed, never a result.
  int64_t checkpoint_every_epochs = 1;
  int64_t checkpoint_every_steps = 0;
  // The newest that are kept, at least 1.
  int64_t keep_last_checkpoints = 1;
  // Those after a multiple of so many epochs are taken and kept until the run ends; 0: none.
  int64_t keep_every_epochs = 0;
  // Looked at whenever a line of metrics is written.
  CollapseLimits collapse;
};

// Not thread-safe.
class Trainer {
 public:
  // Opens the loader at a batch of an epoch (both from 0).
  using OpenLoader = std::function<absl::StatusOr<std::unique_ptr<ViewLoader>>(
      int64_t first_epoch, int64_t first_batch)>;

  // method, monitor and context must outlive the trainer. monitor: null for none.
  Trainer(const TrainOptions& options, Method* method, Monitor* monitor,
          const PixelNormalizer& normalizer, OpenLoader open_loader, StageContext* context);

  // Goes on from the newest checkpoint in context->output_dir() if context->resumed(), else starts;
  // returns after the last epoch, with a checkpoint of the finished run in the folder.
  // \error kCancelled after a signal: a checkpoint was taken, the same command goes on from it;
  // kFailedPrecondition if the loss, the gradient or what a checkpoint would keep is not finite,
  // with the step and the remedy, or if the encoder has collapsed (CollapseLimits); kDataLoss if
  // every checkpoint is damaged; what the loader and the monitor return.
  absl::Status Run();

  // After Run.
  int64_t steps() const { return state_.step(); }
  const v1::TrainMetrics& last_metrics() const { return state_.last_metrics(); }

 private:
  // Everything a checkpoint keeps.
  std::vector<NamedTensor> Everything() const;
  absl::Status Resume();
  // Goes on from options_.begin.
  absl::Status ContinueLink();
  // Tells people, and notes the device for checkpoints to come.
  void SayIfTheDeviceChanged();
  absl::Status SaveState();
  // Measures the encoder if the monitor is due after the epochs done.
  absl::Status MonitorIfDue();
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
  bool CheckpointIsDue() const;
  bool Finished() const;
  // Where schedules are, in epochs.
  double SchedulePosition() const;

  const TrainOptions options_;
  Method* const method_;
  Monitor* const monitor_;
  PixelNormalizer normalizer_;
  const OpenLoader open_loader_;
  StageContext* const context_;
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
};

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINER_H_
