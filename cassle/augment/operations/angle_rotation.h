// Rotation by any angle about the view's centre.
//
// sample    applied with `probability`; degrees U[degrees_min, degrees_max], positive is
//           counter-clockwise.
// apply     bilinear; what would lie outside is the view reflected at its border (without repeating
//           the border pixel, as the blur does), so no corner is empty and none gives the angle
//           away by its colour. 90, 180 and 270 degrees equal the quarter turns bit for bit.
// describe  group "angle_rotation" (1): the angle in half turns, -1 to 1; 0 when not applied. The
//           group "crop" is not re-mapped.
#ifndef CASSLE_AUGMENT_OPERATIONS_ANGLE_ROTATION_H_
#define CASSLE_AUGMENT_OPERATIONS_ANGLE_ROTATION_H_

#include <vector>

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation AngleRotationOperation();

// degrees: finite. For square images.
void RotateCounterClockwise(float degrees, std::vector<float>* scratch, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_ANGLE_ROTATION_H_
