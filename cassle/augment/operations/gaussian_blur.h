// Gaussian blur, as the authors' transforms.py.
//
// sample    applied with `probability`; sigma U[sigma_min_px, sigma_max_px].
// apply     kernel exp(-t^2 / 2 sigma^2), t = -k/2 .. k/2, normalised to sum 1, along rows and
//           columns; the border is reflected without repeating the edge pixel, so the view must be
//           larger than k/2.
// describe  group "blur" (1): sigma in pixels; 0 when not applied.
#ifndef CASSLE_AUGMENT_OPERATIONS_GAUSSIAN_BLUR_H_
#define CASSLE_AUGMENT_OPERATIONS_GAUSSIAN_BLUR_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation GaussianBlurOperation();

// `kernel_px` odd; sigma_px = 0 changes nothing. Taps below 2^-24 of the sum, the
// resolution of a float, are left out. O(pixels * min(kernel_px, 12 sigma_px)).
void GaussianBlur(float sigma_px, int kernel_px, std::vector<float>* scratch, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_GAUSSIAN_BLUR_H_
