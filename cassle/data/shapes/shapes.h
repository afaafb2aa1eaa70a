// The built-in data set `shapes`: one object a picture, with independent, labelled factors, before
// a coloured background with small distracting marks and noise. It needs no download, so the
// quickstart and the tests run on it.
//
//   factor    classes                                                further target
//   shape     8 outlines without rotational symmetry, of equal area
//   hue       8 of the colour circle (the object's; the background has its own)
//   texture   plain, stripes, checks, dots (lighter and darker, same hue)
//   size      4 bins of the radius of the disc of equal area         radius         [1]
//   position  9 cells of a 3 x 3 grid, row by row                    position_xy    [2]
//   rotation  6 bins of 15 degrees, -45 to 45, counter-clockwise     rotation_unit  [2] cos, sin
//
// shape x hue x texture is balanced within a split (256 combinations, counts differ by one at
// most); the other factors are drawn uniformly. Lengths are fractions of the side. Everything is a
// pure function of (options, split, position): no state.
#ifndef CASSLE_DATA_SHAPES_SHAPES_H_
#define CASSLE_DATA_SHAPES_SHAPES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/data/images/image.h"
#include "cassle/data/records/dataset.pb.h"
#include "cassle/data/records/image_record.pb.h"
#include "cassle/data/shapes/shapes.pb.h"

namespace cassle {

inline constexpr int kNumShapes = 8;
inline constexpr int kNumHues = 8;
inline constexpr int kNumTextures = 4;
inline constexpr int kNumSizes = 4;
inline constexpr int kNumPositions = 9;
inline constexpr int kNumRotations = 6;

// What a picture shows.
struct ShapeFactors {
  int shape = 0;
  int hue = 0;
  int texture = 0;
  // Centroid; x to the right, y down.
  double center_x = 0.5;
  double center_y = 0.5;
  // Radius of the disc of equal area.
  double radius = 0.2;
  // Radians in [-pi/4, pi/4), counter-clockwise as seen.
  double angle = 0;

  // The classes of the continuous factors.
  int size() const;
  int position() const;
  int rotation() const;
};

// Class names of the label (the shape).
std::vector<std::string> ShapeNames();
// Names and classes of all targets, sorted by name.
std::vector<v1::TargetInfo> ShapeTargets();

// The factors of image `position` of a split with `count` images. split: 0 train, 1 val, 2 test.
ShapeFactors SampleShapeFactors(const v1::ShapesOptions& options, int split, int64_t position,
                                int64_t count);

// Draws the picture, antialiased by 4 x 4 samples a pixel; background, marks and noise are drawn
// from (seed, split, position). About 0.1 ms at 32 px.
void DrawShape(const v1::ShapesOptions& options, int split, int64_t position,
               const ShapeFactors& factors, RgbImage* image);

// The values of ShapeTargets() in the same order.
std::vector<v1::Target> ShapeTargetValues(const ShapeFactors& factors);

}  // namespace cassle

#endif  // CASSLE_DATA_SHAPES_SHAPES_H_
