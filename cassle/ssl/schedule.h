// Learning rates and momenta over a run. No LibTorch.
#ifndef CASSLE_SSL_SCHEDULE_H_
#define CASSLE_SSL_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "cassle/ssl/optimizer.pb.h"

namespace cassle {

// The rate for a batch size: base * batch / 256 (Goyal et al. 2017, arXiv:1706.02677; the authors'
// rule).
double ScaledLearningRate(double base_learning_rate, int64_t batch_size);

// Cosine without restarts (Loshchilov & Hutter 2017, arXiv:1608.03983),
// initial * (1 + cos(pi * epoch / epochs)) / 2.
//   initial  rate of the first epoch.
//   epoch    from 0 up to epochs; whole for a rate that is constant during an epoch, as in the
//            authors' runs.
double CosineLearningRate(double initial, double epoch, double epochs);

// A learning rate over a run.
struct RateSchedule {
  v1::ScheduleKind kind = v1::COSINE;
  // The full rate, reached after the warm-up.
  double initial = 0;
  // Epochs, 0 or more. May exceed those of the run, which then never reaches the full rate.
  int64_t warmup_epochs = 0;
  // STEP: at each of these epochs (from 0) the rate is multiplied by the factor.
  std::vector<int64_t> step_epochs;
  double step_factor = 0.1;
};

// The rate at `epoch`, as above. Warm-up of w epochs: initial * (1 + (w - 1) * epoch / w) / w,
// which rises from initial / w; from epoch w on COSINE is CosineLearningRate(initial, epoch - w,
// epochs - w).
double LearningRateAt(const RateSchedule& schedule, double epoch, int64_t epochs);

// Momentum of a moving average that goes from `start` to `end` along a cosine (Grill et al. 2020,
// BYOL, section 3.2, arXiv:2006.07733): end - (end - start) * (cos(pi * progress) + 1) / 2.
// Constant if both are equal.
//   progress  the part of the run that is done, 0 to 1.
double CosineMomentum(double start, double end, double progress);

}  // namespace cassle

#endif  // CASSLE_SSL_SCHEDULE_H_
