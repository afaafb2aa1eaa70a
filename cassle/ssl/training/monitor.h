// Monitor: what the training loop asks, between epochs, how good the networks are. What is measured
// and how is the monitor's own: feature_monitor.h, cassle/ssl/fine_tuning/validation_monitor.h.
#ifndef CASSLE_SSL_TRAINING_MONITOR_H_
#define CASSLE_SSL_TRAINING_MONITOR_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/runtime/named_tensor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/training_log/metrics.pb.h"

namespace cassle {

class Monitor {
 public:
  virtual ~Monitor() = default;

  // Whether it is time to measure after `epoch` of `epochs` epochs; 0: before the first step.
  virtual bool IsDue(int64_t epoch, int64_t epochs) const = 0;

  // Reads the networks only, and fills in fields of `line`, which has step and epoch. The same
  // weights give the same values.
  // \error kCancelled if interrupted() became true: then nothing has changed.
  virtual absl::Status Measure(const Method& method, const std::function<bool()>& interrupted,
                               v1::TrainMetrics* line) = 0;

  // The line of the last Measure, for people.
  //   untrained  The line of epoch 0; empty if that was not measured.
  virtual std::string Describe(const v1::TrainMetrics& line,
                               const v1::TrainMetrics& untrained) const = 0;

  // What a later measurement depends on: handles that checkpoints keep. Ranks do not share them:
  // only the one that leads has a monitor.
  virtual std::vector<NamedTensor> state() const { return {}; }
};

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_MONITOR_H_
