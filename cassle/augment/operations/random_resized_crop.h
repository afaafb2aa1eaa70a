// Random resized crop (Szegedy et al. 2015) as torchvision 0.14.1 draws and PIL resizes it.
//
// sample    ten attempts at an area fraction U(scale_min, scale_max) and a ratio width / height,
//           log-uniform; then the largest central box whose ratio is in the range.
// apply     crop, then bilinear antialiased resize with 8-bit intermediate (horizontal pass
//           first), byte for byte as PIL. Fills the canvas also without `crop` in the policy: the
//           box is the whole source then.
// describe  group "crop" (4): centre y, centre x, height, width as fractions of the source;
//           centre x is mirrored when the view is flipped, centre y when it is flipped
//           vertically. Relative: the difference; with compat OFFICIAL both centres are mirrored by
//           the first view's flips (transforms.py:170).
#ifndef CASSLE_AUGMENT_OPERATIONS_RANDOM_RESIZED_CROP_H_
#define CASSLE_AUGMENT_OPERATIONS_RANDOM_RESIZED_CROP_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation RandomResizedCropOperation();

// The descriptor group "crop" of a record whose box is set.
DescriptorGroup CropGroup();

// A box in fractions of the source, and which way the view was flipped.
struct CropFractions {
  double top;
  double left;
  double height;
  double width;
};
struct CropMirror {
  bool horizontal = false;
  bool vertical = false;
};

// out = (cy, cx, height, width).
void DescribeCrop(const CropFractions& box, const CropMirror& mirror, float* out);

// out = the difference of the two.
void DescribeRelativeCrop(const CropFractions& box1, const CropMirror& mirror1,
                          const CropFractions& box2, const CropMirror& mirror2, v1::Compat compat,
                          float* out);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_RANDOM_RESIZED_CROP_H_
