// Pointwise colour operations, several in one pass over the pixels: the pixel stays in registers
// from the first step to the last. SIMD for the processor at hand (Highway); the same bits on all.
#ifndef CASSLE_AUGMENT_PIXELS_COLOR_STEPS_H_
#define CASSLE_AUGMENT_PIXELS_COLOR_STEPS_H_

#include <array>

#include "absl/types/span.h"
#include "cassle/augment/pixels/float_image.h"

namespace cassle {

// One step; x is a channel, in [0, 1].
struct ColorStep {
  enum class Kind {
    kBlend,       // clamp(factor x + offset, 0, 1)
    kSaturation,  // S of HSV becomes clamp(factor S, 0, 1); H and V stay
    kHue,         // H of HSV moves by `factor` turns, at most half a turn; S and V stay
    kSolarize,    // x below the threshold `factor`, else 1 - x
    kGrayscale,   // 0.299 R + 0.587 G + 0.114 B in all three
  };
  Kind kind;
  float factor = 0;
  float offset = 0;
};

using ChannelMeans = std::array<double, 3>;

// Runs `steps` in their order over every pixel. `before` and `after`, where not null, are set to
// the mean of each plane before the first and after the last step (summed in an order that is the
// same on every processor).
void RunColorSteps(absl::Span<const ColorStep> steps, FloatImage* image, ChannelMeans* before,
                   ChannelMeans* after);

// Without means.
void RunColorSteps(absl::Span<const ColorStep> steps, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PIXELS_COLOR_STEPS_H_
