#include "cassle/ssl/optimizers/schedule.h"

#include <cmath>

namespace cassle {
namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;

}  // namespace

double ScaledLearningRate(double base_learning_rate, int64_t batch_size) {
  return base_learning_rate * static_cast<double>(batch_size) / 256.0;
}

double CosineLearningRate(double initial, double epoch, double epochs) {
  return 0.5 * initial * (1 + std::cos(kPi * epoch / epochs));
}

double FullLearningRate(const v1::TrainingConfig& training) {
  return ScaledLearningRate(training.base_lr(), training.batch_size());
}

double LearningRateAt(const v1::TrainingConfig& training, double epoch) {
  const double full = FullLearningRate(training);
  const double warmup = training.warmup_epochs();
  if (epoch < warmup) return full * (1 + (warmup - 1) * epoch / warmup) / warmup;
  switch (training.schedule()) {
    case v1::CONSTANT:
      return full;
    case v1::STEP: {
      double rate = full;
      for (const int step : training.step_epochs()) {
        if (epoch >= step) rate *= training.step_factor();
      }
      return rate;
    }
    default:
      // After a warm-up as long as the run nothing is left to fall.
      return training.epochs() > warmup
                 ? CosineLearningRate(full, epoch - warmup, training.epochs() - warmup)
                 : full;
  }
}

double WeightDecayAt(const v1::TrainingConfig& training, double epoch) {
  if (!training.has_final_weight_decay()) return training.weight_decay();
  return CosineMomentum(training.weight_decay(), training.final_weight_decay(),
                        epoch / training.epochs());
}

double CosineMomentum(double start, double end, double progress) {
  return end - (end - start) * (std::cos(kPi * progress) + 1) / 2;
}

}  // namespace cassle
