// Cutout: a box of the view is erased (DeVries and Taylor 2017, arXiv:1708.04552), drawn as random
// erasing draws it (Zhong et al. 2017, arXiv:1708.04896; torchvision's RandomErasing).
//
// sample    applied with `probability`; area and ratio of the box in ten attempts; if none fits,
//           not applied. The colour is recorded: the policy's `fill`, or its mean. (Theirs is
//           height / width, and no box is as high or as wide as the view.)
// apply     the box becomes that colour. It is the last operation: no other changes the box.
// describe  group "cutout" (4): centre y, centre x, height, width of the box as fractions of the
//           view; all zero when not applied.
#ifndef CASSLE_AUGMENT_OPERATIONS_CUTOUT_H_
#define CASSLE_AUGMENT_OPERATIONS_CUTOUT_H_

#include <array>

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation CutoutOperation();

// The box must lie inside the image.
void EraseBox(const v1::CropParameters& box, const std::array<float, 3>& fill, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_CUTOUT_H_
