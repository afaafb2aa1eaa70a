// Random resized crop (Szegedy et al. 2015) as torchvision 0.14.1 draws and PIL resizes it.
//
// sample    ten attempts at an area fraction U(scale_min, scale_max) and a ratio width / height,
//           log-uniform; then the largest central box whose ratio is in the range.
// apply     crop, then bilinear antialiased resize with 8-bit intermediate (horizontal pass
//           first), byte for byte as PIL. Without `crop` in the policy the box is the whole source.
// describe  group "crop" (4): centre y, centre x, height, width as fractions of the source;
//           centre x is mirrored when the view is flipped.
#ifndef CASSLE_AUGMENT_RANDOM_RESIZED_CROP_H_
#define CASSLE_AUGMENT_RANDOM_RESIZED_CROP_H_

#include "cassle/augment/operation.h"

namespace cassle {

Operation RandomResizedCropOperation();

// The descriptor group "crop" from fractions of the source: out = (cy, cx, height, width).
void DescribeCrop(double top, double left, double height, double width, bool flipped, float* out);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_RANDOM_RESIZED_CROP_H_
