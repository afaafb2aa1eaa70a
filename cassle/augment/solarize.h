// Solarize: values at or above a threshold are inverted.
//
// sample    applied with `probability`; threshold U[threshold_min, threshold_max].
// apply     y = x if x < threshold else 1 - x, per channel.
// describe  group "solarize" (1): the threshold, and 1 when not applied.
#ifndef CASSLE_AUGMENT_SOLARIZE_H_
#define CASSLE_AUGMENT_SOLARIZE_H_

#include "cassle/augment/operation.h"

namespace cassle {

Operation SolarizeOperation();

void Solarize(float threshold, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_SOLARIZE_H_
