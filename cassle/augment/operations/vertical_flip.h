// Vertical flip, for images without an upright side (aerial, medical, microscopy).
//
// sample    applied with `probability`.
// apply     mirrors every column.
// describe  group "vertical_flip" (1): 1 if flipped. The group "crop" mirrors its centre y too, as
//           the horizontal flip does with x.
#ifndef CASSLE_AUGMENT_OPERATIONS_VERTICAL_FLIP_H_
#define CASSLE_AUGMENT_OPERATIONS_VERTICAL_FLIP_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation VerticalFlipOperation();

void FlipVertically(FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_VERTICAL_FLIP_H_
