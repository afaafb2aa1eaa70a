// The registry of augmentation operations.
#ifndef CASSLE_AUGMENT_OPERATIONS_H_
#define CASSLE_AUGMENT_OPERATIONS_H_

#include <vector>

#include "cassle/augment/operation.h"

namespace cassle {

// Every operation, in the order in which they are applied to a view. Crop, flip, colour jitter,
// solarize, grayscale, blur and rotation stand as in the authors' datasets.py; colour dropping
// follows the other colours, noise and cutout come last so that nothing smooths or moves them.
const std::vector<Operation>& Operations();

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_H_
