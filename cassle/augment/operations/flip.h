// Horizontal flip.
//
// sample    applied with `probability`.
// apply     mirrors every row.
// describe  group "flip" (1): 1 if flipped. The group "crop" mirrors its centre x too. Relative: 1
//           if both views agree, else 0.
#ifndef CASSLE_AUGMENT_OPERATIONS_FLIP_H_
#define CASSLE_AUGMENT_OPERATIONS_FLIP_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation FlipOperation();

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_FLIP_H_
