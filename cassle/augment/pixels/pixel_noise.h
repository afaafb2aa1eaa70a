// Noise for pixels: standard normal numbers that are a pure function of a key, so that a record
// carries 64 bits instead of an image of noise.
#ifndef CASSLE_AUGMENT_PIXELS_PIXEL_NOISE_H_
#define CASSLE_AUGMENT_PIXELS_PIXEL_NOISE_H_

#include <cstdint>

namespace cassle {

// The standard normal number with the given rank: the inverse of its distribution function, to
// about 1e-7 (Wichura 1988, algorithm AS 241, PPND7). 0 < probability < 1. Equal bits on every
// machine: no call of the mathematical library.
double NormalQuantile(double probability);

// values[i] += sigma * n(key, channel, i) for i = 0 .. count-1; n comes from word i % 4 of Philox
// block i / 4. O(count).
void AddNoise(uint64_t key, uint32_t channel, float sigma, int64_t count, float* values);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PIXELS_PIXEL_NOISE_H_
