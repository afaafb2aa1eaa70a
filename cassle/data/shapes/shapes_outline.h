// The outlines of the built-in data set (cassle/data/shapes/shapes.h), in coordinates of their own:
// the centroid is the origin and the area that of the unit disc, so that neither position nor mean
// colour gives the shape away.
#ifndef CASSLE_DATA_SHAPES_SHAPES_OUTLINE_H_
#define CASSLE_DATA_SHAPES_SHAPES_OUTLINE_H_

namespace cassle {

// "half_disc", ... ; shape in 0 .. kNumShapes-1.
const char* OutlineName(int shape);

// x to the right, y up. Is the point inside?
bool InsideOutline(int shape, double x, double y);

// The largest distance of a point inside from the origin.
double OutlineReach(int shape);

}  // namespace cassle

#endif  // CASSLE_DATA_SHAPES_SHAPES_OUTLINE_H_
