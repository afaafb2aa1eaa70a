// Separable filtering with a symmetric kernel. SIMD for the processor at hand (Highway); the same
// bits on all.
#ifndef CASSLE_AUGMENT_PIXELS_SYMMETRIC_FILTER_H_
#define CASSLE_AUGMENT_PIXELS_SYMMETRIC_FILTER_H_

#include <vector>

#include "absl/types/span.h"
#include "cassle/augment/pixels/float_image.h"

namespace cassle {

// Convolves every plane along its rows, then along its columns, with the kernel
// taps[radius] .. taps[1] taps[0] taps[1] .. taps[radius]; radius = taps.size() - 1 must be less
// than height and width. The border is reflected without repeating the edge pixel.
// `scratch` holds about one plane; nothing is allocated once it has that size.
// O(pixels * taps).
void FilterSymmetrically(absl::Span<const float> taps, std::vector<float>* scratch,
                         FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PIXELS_SYMMETRIC_FILTER_H_
