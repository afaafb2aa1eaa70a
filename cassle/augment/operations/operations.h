// The registry of augmentation operations.
#ifndef CASSLE_AUGMENT_OPERATIONS_OPERATIONS_H_
#define CASSLE_AUGMENT_OPERATIONS_OPERATIONS_H_

#include <google/protobuf/message.h>

#include <vector>

#include "cassle/augment/operations/operation.h"

namespace cassle {

// Every operation, in the order in which they are applied to a view. Crop, flip, colour jitter,
// solarize, grayscale, blur and rotation stand as in the authors' datasets.py; colour dropping
// follows the other colours, noise and cutout come last so that nothing smooths or moves them.
const std::vector<Operation>& Operations();

// The operation that fills the canvas for this record: the last one that it asks for. The random
// resized crop is always asked for, of the whole source where the policy has no crop.
const Operation& FillOf(const v1::ViewRecord& record);

// What a policy that has the operation says of it: the message of its name.
const google::protobuf::Message& SettingsOf(const Operation& operation, const v1::Policy& policy);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_OPERATIONS_H_
