// The registry of augmentation operations.
#ifndef CASSLE_AUGMENT_OPERATIONS_H_
#define CASSLE_AUGMENT_OPERATIONS_H_

#include <vector>

#include "cassle/augment/operation.h"

namespace cassle {

// Every operation, in the order in which they are applied to a view: crop, flip, colour jitter,
// solarize, grayscale, blur, rotation (as the authors' datasets.py).
const std::vector<Operation>& Operations();

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_H_
