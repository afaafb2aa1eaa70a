// Draws of the beta distribution.
#ifndef CASSLE_BASE_BETA_DRAW_H_
#define CASSLE_BASE_BETA_DRAW_H_

#include "cassle/base/philox.h"

namespace cassle {

// In [0, 1]; mean a / (a + b), variance a b / ((a + b)^2 (a + b + 1)). a, b > 0, however small: two
// gamma draws (Marsaglia & Tsang 2000, "A simple method for generating gamma variables") compared
// by their logarithms, which do not underflow. Takes as many numbers of the stream as it needs.
double DrawBeta(double a, double b, Philox* random);

}  // namespace cassle

#endif  // CASSLE_BASE_BETA_DRAW_H_
