#include "cassle/data/shapes/shapes_outline.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "cassle/data/shapes/shapes.h"

namespace cassle {
namespace {

bool InBox(double x, double y, double x0, double y0, double x1, double y1) {
  return x >= x0 && x <= x1 && y >= y0 && y <= y1;
}

// Isosceles, with its base on y = y0 and its tip on (0, y1).
bool InTriangle(double x, double y, double half_base, double y0, double y1) {
  return y >= y0 && y <= y1 && std::abs(x) <= half_base * (y1 - y) / (y1 - y0);
}

bool HalfDisc(double x, double y) { return y >= 0 && x * x + y * y <= 1; }

bool Triangle(double x, double y) { return InTriangle(x, y, 0.75, 0, 2); }

// A disc with a tip: the triangle's sides touch the disc.
bool Drop(double x, double y) {
  constexpr double kTip = 1.9;
  // The tangent from (0, kTip) touches the unit disc at this height.
  constexpr double kTouch = 1 / kTip;
  if (x * x + y * y <= 1) return true;
  const double half_width = std::sqrt(1 - kTouch * kTouch);
  return y >= kTouch && y <= kTip && std::abs(x) <= half_width * (kTip - y) / (kTip - kTouch);
}

bool Heart(double x, double y) {
  const double ring = x * x + y * y - 1;
  return ring * ring * ring - x * x * y * y * y <= 0;
}

bool Arrow(double x, double y) {
  return InBox(x, y, -0.28, -1, 0.28, 0.1) || InTriangle(x, y, 0.85, 0.1, 1.1);
}

bool Crescent(double x, double y) {
  const double dx = x - 0.45;
  return x * x + y * y <= 1 && dx * dx + y * y > 0.8 * 0.8;
}

bool Ell(double x, double y) {
  return InBox(x, y, 0, 0, 0.55, 1.9) || InBox(x, y, 0, 0, 1.3, 0.55);
}

bool Tee(double x, double y) {
  return InBox(x, y, -0.8, 1.0, 0.8, 1.5) || InBox(x, y, -0.27, -0.3, 0.27, 1.0);
}

struct Outline {
  const char* name;
  bool (*inside)(double x, double y);
};

// Add a shape here (and count it in kNumShapes).
constexpr Outline kOutlines[] = {
    {"half_disc", HalfDisc}, {"triangle", Triangle}, {"drop", Drop}, {"heart", Heart},
    {"arrow", Arrow},        {"crescent", Crescent}, {"ell", Ell},   {"tee", Tee},
};
static_assert(sizeof(kOutlines) / sizeof(kOutlines[0]) == kNumShapes, "one outline per class");

// From the normalised coordinates to the outline's own.
struct Frame {
  double center_x, center_y, scale, reach;
};

Frame Measure(const Outline& outline) {
  constexpr int kSteps = 800;
  constexpr double kExtent = 2.5;
  constexpr double kStep = 2 * kExtent / kSteps;
  double area = 0, sum_x = 0, sum_y = 0;
  const auto for_each_inside = [&](auto&& visit) {
    for (int j = 0; j < kSteps; ++j) {
      for (int i = 0; i < kSteps; ++i) {
        const double x = -kExtent + (i + 0.5) * kStep;
        const double y = -kExtent + (j + 0.5) * kStep;
        if (outline.inside(x, y)) visit(x, y);
      }
    }
  };
  for_each_inside([&](double x, double y) {
    area += kStep * kStep;
    sum_x += x * kStep * kStep;
    sum_y += y * kStep * kStep;
  });
  Frame frame{sum_x / area, sum_y / area, std::sqrt(area / M_PI), 0};
  for_each_inside([&](double x, double y) {
    frame.reach = std::max(frame.reach, std::hypot(x - frame.center_x, y - frame.center_y));
  });
  frame.reach = frame.reach / frame.scale + kStep;
  return frame;
}

const Frame& FrameOf(int shape) {
  static const auto* frames = [] {
    auto* all = new std::array<Frame, kNumShapes>;
    for (int i = 0; i < kNumShapes; ++i) (*all)[i] = Measure(kOutlines[i]);
    return all;
  }();
  return (*frames)[shape];
}

}  // namespace

const char* OutlineName(int shape) { return kOutlines[shape].name; }

bool InsideOutline(int shape, double x, double y) {
  const Frame& frame = FrameOf(shape);
  return kOutlines[shape].inside(frame.center_x + frame.scale * x,
                                 frame.center_y + frame.scale * y);
}

double OutlineReach(int shape) { return FrameOf(shape).reach; }

}  // namespace cassle
