// FloatImage: the working buffer of the augmentation operations.
//
//   values   [3, height, width] float, planes R, G, B, row by row, nominally in [0, 1]
//
// Planar, so that every operation is a loop over contiguous floats. The functions here and in
// color_steps.h use the vector unit of the processor at hand (Highway) and give the same bits on
// all.
#ifndef CASSLE_AUGMENT_PIXELS_FLOAT_IMAGE_H_
#define CASSLE_AUGMENT_PIXELS_FLOAT_IMAGE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "cassle/data/images/image.h"

namespace cassle {

struct FloatImage {
  int height = 0;
  int width = 0;
  std::vector<float> values;

  // Sets the size; the values are unspecified afterwards. Does not allocate once it has been that
  // large.
  void Resize(int new_height, int new_width) {
    height = new_height;
    width = new_width;
    values.resize(3 * plane_size());
  }
  int64_t plane_size() const { return int64_t{height} * width; }
  float* plane(int channel) { return values.data() + channel * plane_size(); }
  const float* plane(int channel) const { return values.data() + channel * plane_size(); }
};

// pixel / 255 in float, as torchvision's ToTensor.
void FromRgb8(const RgbImage& image, FloatImage* result);

// planes [3, height, width] = (pixel / 255 - mean) / std, R G B: what a network takes.
void Normalize(const RgbImage& image, const std::array<double, 3>& mean,
               const std::array<double, 3>& std, float* planes);

// The one rounding of a view: clamp to [0, 1], times 255, to the nearest integer, ties upwards.
// FromRgb8 followed by ToRgb8 changes nothing.
void ToRgb8(const FloatImage& image, RgbImage* result);

// Mirrors every row, in place.
void FlipHorizontally(FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PIXELS_FLOAT_IMAGE_H_
