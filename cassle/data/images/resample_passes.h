// The two passes of Resample: integer sums over pixels, exact, so that every vector unit gives the
// same bytes. Not for use elsewhere.
#ifndef CASSLE_DATA_IMAGES_RESAMPLE_PASSES_H_
#define CASSLE_DATA_IMAGES_RESAMPLE_PASSES_H_

#include <cstdint>

#include "cassle/data/images/image.h"
#include "cassle/data/images/resample.h"

namespace cassle {

// Pillow's PRECISION_BITS: 8 bits of value and 2 of head room leave 22 for the weight.
constexpr int kResampleWeightBits = 32 - 8 - 2;

// Bytes that may be written, with any content, behind each row of the horizontal pass.
constexpr int kResampleRowSlack = 64;

// Horizontal pass: `height` rows of `width` pixels at (top, left) of `source`; row y of the result
// begins at scratch->narrowed + y * out_stride.
void ResampleAlongRows(const ResampleAxis& axis, const RgbImage& source, int top, int left,
                       int height, int width, ResampleScratch* scratch, int64_t out_stride);

// Vertical pass: rows of `row_bytes` bytes at `rows`, kResampleRowSlack readable bytes behind each;
// result rows follow each other without gaps.
void ResampleAlongColumns(const ResampleAxis& axis, const uint8_t* rows, int64_t stride,
                          int64_t row_bytes, uint8_t* out);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_RESAMPLE_PASSES_H_
