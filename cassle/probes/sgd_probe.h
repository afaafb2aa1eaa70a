// The linear classification protocol of MoCo and LooC (transfer_looc_like.py): a linear layer on
// frozen features by SGD with a large rate and no decay. Theirs sees a new crop of every image in
// every epoch; here the features are those of one crop.
#ifndef CASSLE_PROBES_SGD_PROBE_H_
#define CASSLE_PROBES_SGD_PROBE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/probes/linear_probe.h"

namespace cassle {

// Defaults are theirs.
struct SgdProbeSettings {
  // After 60 % and after 80 % of the epochs it falls to a tenth.
  double learning_rate = 30;
  double momentum = 0.9;
  int64_t batch_size = 256;
  int epochs = 100;
  uint64_t seed = 0;
  // Tests the epoch that does best on the test set, as they do. False: the last.
  bool best_test_epoch = false;
  // Called after each epoch with the number done; false stops. May be null.
  std::function<bool(int)> go_on;
};

// The rate of an epoch, from 0.
double SgdProbeRate(const SgdProbeSettings& settings, int epoch);

struct SgdProbeOutcome {
  // On the test set, per epoch.
  std::vector<double> test_top1;
  // From 0: that the rest is of.
  int chosen_epoch = 0;
  // [classes, d + 1]
  PaddedMatrix<double> classifier;
  std::vector<int> test_predictions;
  ClassCounts test;
};

// Learns from all rows of data.learn. The rate is for batches of 256 as given: it is not scaled.
// Weights start at 0. A pure function of its arguments.
// \error kCancelled if go_on said so; kFailedPrecondition if a weight has left the range of float.
absl::StatusOr<SgdProbeOutcome> FitSgdProbe(const ProbeData& data,
                                            const SgdProbeSettings& settings);

}  // namespace cassle

#endif  // CASSLE_PROBES_SGD_PROBE_H_
