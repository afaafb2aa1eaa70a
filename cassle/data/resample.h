// Antialiased resizing of 8-bit images, equal to Pillow's Image.resize bit for bit.
//
//   RgbImage view;
//   CASSLE_RETURN_IF_ERROR(Resample(photo, {.top = 10, .left = 20, .height = 100, .width = 80},
//                                   /*out_height=*/32, /*out_width=*/32, Interpolation::kBilinear,
//                                   &view));
#ifndef CASSLE_DATA_RESAMPLE_H_
#define CASSLE_DATA_RESAMPLE_H_

#include "absl/status/status.h"
#include "cassle/data/image.h"

namespace cassle {

enum class Interpolation {
  // Triangle of half-width 1.
  kBilinear,
  // Keys cubic with a = -0.5, half-width 2.
  kBicubic,
};

// Rows top .. top+height-1 and columns left .. left+width-1 of an image, in pixels.
struct Box {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
};

// The box that is the whole image.
inline Box WholeImage(const RgbImage& image) { return {0, 0, image.height, image.width}; }

// Cuts `box` out of `source` and resizes it to out_height x out_width, as Pillow's
// image.crop(box).resize(size, filter): two passes, horizontal first, with 22-bit fixed-point
// weights and an 8-bit image between them; when shrinking, the filter is widened by the scale
// (antialiased). No pixel outside the box is read, so the box behaves as an image of its own.
// `view` may not be `source`; its memory is used again. It is unchanged after an error.
// \error kInvalidArgument if the box is empty or reaches outside the image, or the size is below 1.
// O(out pixels * taps) time; one intermediate image of box height x out_width.
absl::Status Resample(const RgbImage& source, const Box& box, int out_height, int out_width,
                      Interpolation interpolation, RgbImage* view);

}  // namespace cassle

#endif  // CASSLE_DATA_RESAMPLE_H_
