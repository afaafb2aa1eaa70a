#include "cassle/base/beta_draw.h"

#include <algorithm>
#include <cmath>

namespace cassle {
namespace {

// Of smaller shapes both logarithms would be infinite, and so not comparable.
constexpr double kSmallestShape = 1e-300;

// Of a draw of Gamma(shape, 1).
double DrawLogGamma(double shape, Philox* random) {
  // The method wants a shape of at least 1; U^(1 / shape) leads back from shape + 1.
  if (shape < 1) {
    const double log_factor = std::log(1 - random->NextDouble()) / std::max(shape, kSmallestShape);
    return DrawLogGamma(shape + 1, random) + log_factor;
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random->NextGaussian();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    const double log_u = std::log(1 - random->NextDouble());
    if (log_u < x * x / 2 + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

}  // namespace

double DrawBeta(double a, double b, Philox* random) {
  const double log_x = DrawLogGamma(a, random), log_y = DrawLogGamma(b, random);
  return 1 / (1 + std::exp(log_y - log_x));
}

}  // namespace cassle
