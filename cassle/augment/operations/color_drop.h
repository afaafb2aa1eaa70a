// Colour dropping (Doersch et al. 2015, arXiv:1505.05192, section 3.1): one channel is kept, the
// two others carry nothing but faint noise, so that no view can be recognised by its chromatic
// aberration.
//
// sample    applied with `probability`; the kept channel uniformly, and 64 bits that key the noise.
//           The policy's mean is recorded as the noise's mean (the authors' images have mean 0).
// apply     the two other channels become clamp(mean + s / 100 n, 0, 1), s the standard deviation
//           of the kept channel, n from pixel_noise.h.
// describe  group "color_drop" (3): one-hot kept channel R G B; all zero when not applied.
#ifndef CASSLE_AUGMENT_OPERATIONS_COLOR_DROP_H_
#define CASSLE_AUGMENT_OPERATIONS_COLOR_DROP_H_

#include <array>
#include <cstdint>

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation ColorDropOperation();

// kept_channel 0 to 2; center: mean of the noise in each channel.
void DropColors(int kept_channel, const std::array<float, 3>& center, uint64_t key,
                FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_COLOR_DROP_H_
