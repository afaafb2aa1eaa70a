// Making the pixels of a view from its recorded parameters.
//
// A view is canonical: the RGB8 image after all operations, rounded once, at the end. (The crop's
// own result is 8-bit, as PIL's; everything after it is float.) So a view drawn on the fly, one
// replayed from its record and one stored with its pixels are equal bit for bit.
#ifndef CASSLE_AUGMENT_VIEWS_APPLY_H_
#define CASSLE_AUGMENT_VIEWS_APPLY_H_

#include "absl/status/status.h"
#include "cassle/augment/operations/operation.h"

namespace cassle {

// Applies the recorded operations to `source`. Writes color_jitter.color_difference into the record
// and nothing else. `canvas` is room to work in, one per thread. Reads no random numbers and no
// policy: the record says everything.
// \error kDataLoss, naming image, epoch and view, if the record does not fit the source (another
// size, a box outside it) or its parameters are out of range.
// `source` must hold the pixels of the crop (else kInvalidArgument), decoded as
// record->fast_denominator says.
absl::Status ApplyView(const SourcePixels& source, v1::ViewRecord* record, Canvas* canvas,
                       RgbImage* view);

// The same from a whole image at full resolution.
absl::Status ApplyView(const RgbImage& source, v1::ViewRecord* record, Canvas* canvas,
                       RgbImage* view);

// The same with a canvas of its own.
absl::Status ApplyView(const RgbImage& source, v1::ViewRecord* record, RgbImage* view);

// Does the record fit an image of this size, and are its parameters possible? ApplyView checks it
// too.
// \error kDataLoss as ApplyView.
absl::Status CheckRecord(int height, int width, const v1::ViewRecord& record);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_VIEWS_APPLY_H_
