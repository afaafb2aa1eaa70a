// Grayscale: colour is dropped, three channels stay.
//
// sample    applied with `probability`.
// apply     every channel becomes 0.299 R + 0.587 G + 0.114 B.
// describe  group "grayscale" (1): 1 if applied.
#ifndef CASSLE_AUGMENT_OPERATIONS_GRAYSCALE_H_
#define CASSLE_AUGMENT_OPERATIONS_GRAYSCALE_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation GrayscaleOperation();

void ToGrayscale(FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_GRAYSCALE_H_
