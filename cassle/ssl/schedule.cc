#include "cassle/ssl/schedule.h"

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

double LearningRateAt(const RateSchedule& schedule, double epoch, int64_t epochs) {
  const double warmup = static_cast<double>(schedule.warmup_epochs);
  if (epoch < warmup) return schedule.initial * (1 + (warmup - 1) * epoch / warmup) / warmup;
  switch (schedule.kind) {
    case v1::CONSTANT:
      return schedule.initial;
    case v1::STEP: {
      double rate = schedule.initial;
      for (const int64_t step : schedule.step_epochs) {
        if (epoch >= static_cast<double>(step)) rate *= schedule.step_factor;
      }
      return rate;
    }
    default:
      return CosineLearningRate(schedule.initial, epoch - warmup,
                                static_cast<double>(epochs) - warmup);
  }
}

double CosineMomentum(double start, double end, double progress) {
  return end - (end - start) * (std::cos(kPi * progress) + 1) / 2;
}

}  // namespace cassle
