#include "cassle/ssl/schedule.h"

#include <cmath>

namespace cassle {
namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;

}  // namespace

double ScaledLearningRate(double base_learning_rate, int64_t batch_size) {
  return base_learning_rate * static_cast<double>(batch_size) / 256.0;
}

double CosineLearningRate(double initial, int64_t epoch, int64_t epochs) {
  return 0.5 * initial *
         (1 + std::cos(kPi * static_cast<double>(epoch) / static_cast<double>(epochs)));
}

double WarmupCosineLearningRate(double initial, int64_t epoch, int64_t warmup, int64_t epochs) {
  if (epoch >= warmup) return CosineLearningRate(initial, epoch - warmup, epochs - warmup);
  const double start = 1.0 / static_cast<double>(warmup);
  return initial * (start + (1 - start) * static_cast<double>(epoch) * start);
}

double CosineMomentum(double start, double end, double progress) {
  return end - (end - start) * (std::cos(kPi * progress) + 1) / 2;
}

}  // namespace cassle
