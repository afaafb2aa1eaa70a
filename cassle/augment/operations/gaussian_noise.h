// Gaussian noise on every value of every channel, independently.
//
// sample    applied with `probability`; sigma U[sigma_min, sigma_max] and 64 bits that key the
//           noise.
// apply     y = clamp(x + sigma n, 0, 1), n from pixel_noise.h: the same for the same key.
// describe  group "gaussian_noise" (1): sigma; 0 when not applied.
#ifndef CASSLE_AUGMENT_OPERATIONS_GAUSSIAN_NOISE_H_
#define CASSLE_AUGMENT_OPERATIONS_GAUSSIAN_NOISE_H_

#include <cstdint>

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation GaussianNoiseOperation();

// The noise of `key` on all three channels, then clamped to [0, 1].
void AddGaussianNoise(float sigma, uint64_t key, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_GAUSSIAN_NOISE_H_
