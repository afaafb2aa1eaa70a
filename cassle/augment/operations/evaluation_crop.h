// The deterministic crop of evaluation (cassle/augment/pixels/evaluation_transform.h) as an
// operation, so that a policy can ask for the views on which encoders are evaluated.
//
// sample    nothing is drawn. The record's box is what will be seen, to the nearest source pixel.
// apply     the whole source: shorter side resized to resize_px (bicubic), then the central view.
// describe  group "crop" (4), as of the random resized crop.
#ifndef CASSLE_AUGMENT_OPERATIONS_EVALUATION_CROP_H_
#define CASSLE_AUGMENT_OPERATIONS_EVALUATION_CROP_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

// Fills the canvas instead of the random resized crop.
Operation EvaluationCropOperation();

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_EVALUATION_CROP_H_
