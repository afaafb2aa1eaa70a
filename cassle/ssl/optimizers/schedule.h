// Learning rates and momenta over a run. No LibTorch.
#ifndef CASSLE_SSL_OPTIMIZERS_SCHEDULE_H_
#define CASSLE_SSL_OPTIMIZERS_SCHEDULE_H_

#include <cstdint>

#include "cassle/ssl/settings/training.pb.h"

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

// The full rate of a run, reached after the warm-up: ScaledLearningRate of its base_lr and
// batch_size.
double FullLearningRate(const v1::TrainingConfig& training);

// The rate at `epoch`, as above, with the schedule, warmup_epochs, step_epochs and step_factor of
// `training`. Warm-up of w epochs, which may exceed those of the run: full * (1 + (w - 1) * epoch /
// w) / w, which rises from full / w; from epoch w on COSINE is CosineLearningRate(full, epoch - w,
// epochs - w), and STEP is multiplied by the factor at each of the step_epochs.
double LearningRateAt(const v1::TrainingConfig& training, double epoch);

// The weight decay at `epoch`: that of `training`, which goes to its final_weight_decay, if it has
// one, as a momentum does (Caron et al. 2021, DINO, section 3.1, arXiv:2104.14294).
double WeightDecayAt(const v1::TrainingConfig& training, double epoch);

// Momentum of a moving average that goes from `start` to `end` along a cosine (Grill et al. 2020,
// BYOL, section 3.2, arXiv:2006.07733): end - (end - start) * (cos(pi * progress) + 1) / 2.
// Constant if both are equal.
//   progress  the part of the run that is done, 0 to 1.
double CosineMomentum(double start, double end, double progress);

}  // namespace cassle

#endif  // CASSLE_SSL_OPTIMIZERS_SCHEDULE_H_
