// Solarize: values at or above a threshold are inverted.
//
// sample    applied with `probability`; threshold U[threshold_min, threshold_max].
// apply     y = x if x < threshold else 1 - x, per channel.
// describe  group "solarize" (1): the threshold, and 1 when not applied.
//
// Recipes have it in two places: CASSLE's stl10_sol before the grayscale, BYOL and MoCo-v3 at the
// end. So there are two operations with one meaning, of which a policy has at most one per view.
#ifndef CASSLE_AUGMENT_OPERATIONS_SOLARIZE_H_
#define CASSLE_AUGMENT_OPERATIONS_SOLARIZE_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

// Before the grayscale: `solarize` in policy and record.
Operation SolarizeOperation();
// After the blur: `solarize_after_blur`.
Operation SolarizeAfterBlurOperation();

void Solarize(float threshold, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_SOLARIZE_H_
