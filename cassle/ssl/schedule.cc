#include "cassle/ssl/schedule.h"

#include <cmath>

namespace cassle {

double ScaledLearningRate(double base_learning_rate, int64_t batch_size) {
  return base_learning_rate * static_cast<double>(batch_size) / 256.0;
}

double CosineLearningRate(double initial, int64_t epoch, int64_t epochs) {
  constexpr double kPi = 3.141592653589793238462643383279502884;
  return 0.5 * initial *
         (1 + std::cos(kPi * static_cast<double>(epoch) / static_cast<double>(epochs)));
}

}  // namespace cassle
