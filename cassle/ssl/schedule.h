// Learning rates and momenta over a run. No LibTorch.
#ifndef CASSLE_SSL_SCHEDULE_H_
#define CASSLE_SSL_SCHEDULE_H_

#include <cstdint>

namespace cassle {

// The rate for a batch size: base * batch / 256 (Goyal et al. 2017, arXiv:1706.02677; the authors'
// rule).
double ScaledLearningRate(double base_learning_rate, int64_t batch_size);

// Cosine without restarts (Loshchilov & Hutter 2017, arXiv:1608.03983), constant during an epoch as
// in the authors' runs: initial * (1 + cos(pi * epoch / epochs)) / 2.
//   initial  rate of the first epoch.
//   epoch    0 to epochs-1.
double CosineLearningRate(double initial, int64_t epoch, int64_t epochs);

// Linear warm-up, then the cosine over what is left, constant during an epoch as in the authors'
// runs: initial * (1 + (warmup - 1) * epoch / warmup) / warmup for epoch < warmup, which rises from
// initial / warmup; CosineLearningRate(initial, epoch - warmup, epochs - warmup) from there.
//   warmup  epochs, 0 or more; 0 is the cosine alone. May exceed epochs: then there is no cosine.
double WarmupCosineLearningRate(double initial, int64_t epoch, int64_t warmup, int64_t epochs);

// Momentum of a moving average that goes from `start` to `end` along a cosine (Grill et al. 2020,
// BYOL, section 3.2, arXiv:2006.07733): end - (end - start) * (cos(pi * progress) + 1) / 2.
// Constant if both are equal.
//   progress  the part of the run that is done, 0 to 1.
double CosineMomentum(double start, double end, double progress);

}  // namespace cassle

#endif  // CASSLE_SSL_SCHEDULE_H_
