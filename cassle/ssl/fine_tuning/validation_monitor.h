// ValidationMonitor: the accuracy of a classifier on images that it does not learn from, while it
// learns; and the weights of the epoch that had the best.
#ifndef CASSLE_SSL_FINE_TUNING_VALIDATION_MONITOR_H_
#define CASSLE_SSL_FINE_TUNING_VALIDATION_MONITOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/ssl/fine_tune_options.pb.h"
#include "cassle/ssl/fine_tuning/labelled_data.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/training/monitor.h"

namespace cassle {

// Networks like those that learn, for the monitor alone.
struct ClassifierCopy {
  v1::ModelSpec spec;
  std::shared_ptr<Backbone> backbone;
  std::shared_ptr<ConditionedProjector> head;
};

class ValidationMonitor : public Monitor {
 public:
  // `data` must outlive the monitor.
  //   options  Of it the monitor reads `monitor` and epochs. With keep_best it keeps a copy of the
  //            best weights, in checkpoints too.
  //   threads  That decode and classify; they do not change a value.
  static absl::StatusOr<std::unique_ptr<ValidationMonitor>> Create(
      const LabelledData& data, const v1::FineTuneOptions& options, ClassifierCopy copy,
      int threads);

  // Every few epochs and after the last.
  bool IsDue(int64_t epoch, int64_t epochs) const override;
  // Of what a run of the method leaves (FinishedState in weight_average.h), in float32, as the test
  // sees images. One forward pass of the validation images.
  absl::Status Measure(const Method& method, const std::function<bool()>& interrupted,
                       v1::TrainMetrics* line) override;
  std::string Describe(const v1::TrainMetrics& line,
                       const v1::TrainMetrics& untrained) const override;
  std::vector<NamedTensor> state() const override;

  // After an epoch, the fraction of the validation images that was right.
  struct Point {
    int64_t epoch = 0;
    double accuracy = 0;
  };
  // The measurements so far.
  std::vector<Point> curve() const;
  // Of them the best, of equal ones the first; epoch 0 if there is none.
  Point best() const;
  // Its weights, named as FinishedState names them; empty unless they are kept.
  const std::vector<NamedTensor>& best_state() const { return best_state_; }

 private:
  ValidationMonitor(const LabelledData& data, const v1::FineTuneOptions& options,
                    ClassifierCopy copy, int threads);

  const LabelledData& data_;
  const std::vector<int> labels_;
  const int every_epochs_;
  const int threads_;
  const ClassifierCopy copy_;
  // The state of copy_.
  std::vector<NamedTensor> copy_state_;
  std::unique_ptr<FrozenEncoder> encoder_;
  // [epochs + 1] int64: how many images were right after each epoch, -1 where nobody looked.
  at::Tensor right_;
  std::vector<NamedTensor> best_state_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_FINE_TUNING_VALIDATION_MONITOR_H_
