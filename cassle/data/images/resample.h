// Antialiased resizing of 8-bit images, equal to Pillow's Image.resize bit for bit (to that of
// Pillow 9 to 12; 13.0 takes the passes of some tall boxes in the other order). SIMD for the
// processor at hand (Highway).
//
//   RgbImage view;
//   CASSLE_RETURN_IF_ERROR(Resample(photo, {.top = 10, .left = 20, .height = 100, .width = 80},
//                                   /*out_height=*/32, /*out_width=*/32, Interpolation::kBilinear,
//                                   &view));
#ifndef CASSLE_DATA_IMAGES_RESAMPLE_H_
#define CASSLE_DATA_IMAGES_RESAMPLE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "cassle/data/images/image.h"

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

// A box whose edges may lie between pixels: pixel i covers [i, i + 1).
struct FractionalBox {
  double top = 0;
  double left = 0;
  double height = 0;
  double width = 0;
};

// The weights of one axis: output i is the sum over k < taps of weight[i * taps + k] times input
// first[i] + k. Inputs beyond the filter's support have weight 0.
struct ResampleAxis {
  int taps = 0;
  std::vector<int> first;
  std::vector<int32_t> weight;
  // Room for the exact weights of one output.
  std::vector<double> exact;
};

// Room to work in: reuse one per thread, then nothing is allocated once it is large enough.
struct ResampleScratch {
  ResampleAxis columns;
  ResampleAxis rows;
  // [rows looked at, padded row], the result of the horizontal pass.
  std::vector<uint8_t> narrowed;
  // Where the rows of the box begin; the last ones are copies, so that vectors can be read beyond.
  std::vector<const uint8_t*> row_starts;
  std::vector<uint8_t> row_copies;
};

// Cuts `box` out of `source` and resizes it to out_height x out_width, as Pillow's
// image.crop(box).resize(size, filter): two passes, horizontal first, with 22-bit fixed-point
// weights and an 8-bit image between them; when shrinking, the filter is widened by the scale
// (antialiased). No pixel outside the box is read, so the box behaves as an image of its own.
// `view` may not be `source`; its memory is used again. It is unchanged after an error.
// \error kInvalidArgument if the box is empty or reaches outside the image, or the size is below 1.
// O(out pixels * taps) time; one intermediate image of box height x out_width.
absl::Status Resample(const RgbImage& source, const Box& box, int out_height, int out_width,
                      Interpolation interpolation, ResampleScratch* scratch, RgbImage* view);

// The same with a box between pixels, as Pillow's image.resize(size, filter, box), except that
// only pixels which the box touches are read. Equal to the above for whole numbers.
absl::Status Resample(const RgbImage& source, const FractionalBox& box, int out_height,
                      int out_width, Interpolation interpolation, ResampleScratch* scratch,
                      RgbImage* view);

// What `window` cuts out of the whole image resized to out_height x out_width, byte for byte,
// without making the rest: a picture of a pixel by many thousands has no room as a whole.
// \error kInvalidArgument if the image or the window is empty, or the window reaches outside.
// O(window pixels * taps) time; memory for the rows that the window looks at.
absl::Status ResampleWindow(const RgbImage& source, int out_height, int out_width,
                            const Box& window, Interpolation interpolation,
                            ResampleScratch* scratch, RgbImage* view);

// With room of its own.
absl::Status Resample(const RgbImage& source, const Box& box, int out_height, int out_width,
                      Interpolation interpolation, RgbImage* view);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_RESAMPLE_H_
