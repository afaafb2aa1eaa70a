// Learning rates over a run. No LibTorch.
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

}  // namespace cassle

#endif  // CASSLE_SSL_SCHEDULE_H_
