// Colour jitter with the authors' meaning (kornia 0.4.1 and their own transforms.py), which is not
// PIL's: saturation and hue go through HSV in float.
//
// sample    applied with `probability`; brightness, contrast, saturation U[max(0, 1-x), 1+x], hue
//           U[-x, x] turns; the order of the four drawn per image (compat OFFICIAL: once per
//           batch and view, for all images of the batch).
// apply     the four in the recorded order; records color_difference, the mean RGB before minus
//           after.
// describe  group "color" (4): (factor - 1) / (hi - lo) for brightness, contrast, saturation and
//           hue / (hi - lo), lo..hi the sampling range (0 where the range is empty);
//           group "color_diff" (3): color_difference. All zero when not applied.
#ifndef CASSLE_AUGMENT_OPERATIONS_COLOR_JITTER_H_
#define CASSLE_AUGMENT_OPERATIONS_COLOR_JITTER_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation ColorJitterOperation();

// y = clamp(factor x, 0, 1).
void AdjustBrightness(float factor, FloatImage* image);

// y = clamp(factor x + (1 - factor) m, 0, 1), m the mean over the image of
// 0.2989 R + 0.587 G + 0.114 B.
void AdjustContrast(float factor, FloatImage* image);

// S of HSV becomes clamp(factor S, 0, 1); hue and value stay. For pixels in [0, 1].
void AdjustSaturation(float factor, FloatImage* image);

// H of HSV moves by `turns` (0.5 = half the circle), at most half a turn; S and V stay.
void AdjustHue(float turns, FloatImage* image);

// All four in `parameters.order`, measuring color_difference.
void ApplyColorJitter(v1::ColorJitterParameters* parameters, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_COLOR_JITTER_H_
