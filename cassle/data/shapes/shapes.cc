#include "cassle/data/shapes/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/base/permutation.h"
#include "cassle/base/philox.h"
#include "cassle/data/shapes/shapes_outline.h"

namespace cassle {
namespace {

// Ranges of the continuous factors, fractions of the side.
constexpr double kMinRadius = 0.2, kMaxRadius = 0.38;
constexpr double kMinCenter = 0.35, kMaxCenter = 0.65;
constexpr double kMaxAngle = M_PI / 4;

// The streams of one image.
enum Stream : uint32_t { kFactors = 0, kScene = 1, kNoise = 2 };

Philox ImageStream(const v1::ShapesOptions& options, int split, int64_t position, Stream stream) {
  return Philox(StreamKey{options.seed(), RandomDomain::kShapes, static_cast<uint64_t>(position),
                          static_cast<uint32_t>(split), stream});
}

int Bin(double value, double low, double high, int bins) {
  return std::clamp(static_cast<int>((value - low) / (high - low) * bins), 0, bins - 1);
}

// Red, green, blue in [0, 1].
using Color = std::array<double, 3>;

// hue in turns, saturation and value in [0, 1].
Color HsvToRgb(double hue, double saturation, double value) {
  Color color;
  constexpr double kShift[3] = {5, 3, 1};
  for (int c = 0; c < 3; ++c) {
    const double k = std::fmod(kShift[c] + hue * 6, 6.0);
    color[c] = value - value * saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0);
  }
  return color;
}

double Distance(const Color& a, const Color& b) {
  return std::sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) +
                   (a[2] - b[2]) * (a[2] - b[2]));
}

Color Mix(const Color& a, const Color& b, double share_of_b) {
  return {a[0] + (b[0] - a[0]) * share_of_b, a[1] + (b[1] - a[1]) * share_of_b,
          a[2] + (b[2] - a[2]) * share_of_b};
}

// A disc, or a bar with round ends, behind or before the object. Lengths in sides.
struct Mark {
  double x, y, dx, dy, radius;
  Color color;

  // How much of the pixel at (px, py) it covers; `soft` is half a pixel.
  double Coverage(double px, double py, double soft) const {
    const double length2 = dx * dx + dy * dy;
    const double along =
        length2 > 0 ? std::clamp(((px - x) * dx + (py - y) * dy) / length2, 0.0, 1.0) : 0.0;
    const double distance = std::hypot(px - x - along * dx, py - y - along * dy) - radius;
    return std::clamp(0.5 - distance / (2 * soft), 0.0, 1.0);
  }
};

// Everything but the factors: drawn per image.
struct Scene {
  Color object_light, object_dark;
  Color background_a, background_b;
  // Direction of the background's gradient, and its bend.
  double gradient_x, gradient_y, wave_x, wave_y, wave_phase;
  double texture_period, texture_phase, texture_angle;
  double noise;
  std::vector<Mark> marks;
  bool crossed;
  Mark line;
};

Color RandomBackground(Philox* random) {
  const double hue = random->NextDouble();
  const double saturation = random->Uniform(0.05, 0.6);
  return HsvToRgb(hue, saturation, random->Uniform(0.2, 0.9));
}

Scene SampleScene(const v1::ShapesOptions& options, int split, int64_t position,
                  const ShapeFactors& factors) {
  Philox random = ImageStream(options, split, position, kScene);
  Scene scene;
  const double hue = (factors.hue + random.Uniform(-0.3, 0.3)) / kNumHues;
  const double saturation = random.Uniform(0.5, 0.95);
  const double value = random.Uniform(0.55, 0.95);
  scene.object_light = HsvToRgb(hue - std::floor(hue), saturation, value);
  const double dark = random.Uniform(0.4, 0.6);
  for (int c = 0; c < 3; ++c) scene.object_dark[c] = scene.object_light[c] * dark;
  const Color object = Mix(scene.object_light, scene.object_dark, factors.texture == 0 ? 0 : 0.5);
  // Eight tries for a background that is far enough; else the farthest.
  const auto far_background = [&] {
    Color best = RandomBackground(&random);
    for (int i = 1; i < 8 && Distance(best, object) < options.min_contrast(); ++i) {
      const Color other = RandomBackground(&random);
      if (Distance(other, object) > Distance(best, object)) best = other;
    }
    return best;
  };
  scene.background_a = far_background();
  scene.background_b = Mix(scene.background_a, far_background(), random.Uniform(0, 0.6));
  const double direction = random.Uniform(0, 2 * M_PI);
  scene.gradient_x = std::cos(direction);
  scene.gradient_y = std::sin(direction);
  const double wave = random.Uniform(0, 2 * M_PI);
  const double frequency = random.Uniform(2, 9);
  scene.wave_x = frequency * std::cos(wave);
  scene.wave_y = frequency * std::sin(wave);
  scene.wave_phase = random.Uniform(0, 2 * M_PI);
  // Period in radii of the object, so that texture and size are independent to the eye.
  scene.texture_period = random.Uniform(0.55, 0.75);
  scene.texture_phase = random.NextDouble();
  scene.texture_angle = random.Uniform(0, 2 * M_PI);
  scene.noise = random.Uniform(0.2, 1) * options.noise();
  const int marks =
      static_cast<int>(random.Below(static_cast<uint64_t>(options.distractors()) + 1));
  const auto random_mark = [&](double min_radius, double max_radius, double max_length) {
    Mark mark;
    mark.x = random.NextDouble();
    mark.y = random.NextDouble();
    const double angle = random.Uniform(0, 2 * M_PI);
    const double length = random.Uniform(0, max_length);
    mark.dx = length * std::cos(angle);
    mark.dy = length * std::sin(angle);
    mark.radius = random.Uniform(min_radius, max_radius);
    const double mark_hue = random.NextDouble();
    const double mark_saturation = random.Uniform(0.2, 0.95);
    mark.color = HsvToRgb(mark_hue, mark_saturation, random.Uniform(0.3, 0.95));
    return mark;
  };
  for (int i = 0; i < marks; ++i) scene.marks.push_back(random_mark(0.03, 0.07, 0.2));
  scene.crossed = random.Bernoulli(options.distractors() > 0 ? 0.3 : 0.0);
  scene.line = random_mark(0.012, 0.02, 0.8);
  return scene;
}

// Does the texture show the dark colour at (x, y), in radii of the object?
bool DarkTexture(int texture, const Scene& scene, double x, double y) {
  const double cosine = std::cos(scene.texture_angle), sine = std::sin(scene.texture_angle);
  const double u = (x * cosine + y * sine) / scene.texture_period + scene.texture_phase;
  const double v = (y * cosine - x * sine) / scene.texture_period + scene.texture_phase;
  const double fu = u - std::floor(u), fv = v - std::floor(v);
  switch (texture) {
    case 1:
      return fu < 0.5;
    case 2:
      return (fu < 0.5) != (fv < 0.5);
    case 3:
      // Half of the area, as with the others.
      return (fu - 0.5) * (fu - 0.5) + (fv - 0.5) * (fv - 0.5) < 0.5 / M_PI;
    default:
      return false;
  }
}

// Puts the object over one pixel. px, py: its upper left corner, in sides.
void PaintObject(const ShapeFactors& factors, const Scene& scene, double px, double py,
                 double pixel, Color* color) {
  constexpr int kSamples = 4;
  const double cosine = std::cos(factors.angle), sine = std::sin(factors.angle);
  int light = 0, dark = 0;
  for (int j = 0; j < kSamples; ++j) {
    for (int i = 0; i < kSamples; ++i) {
      const double x = (px + (i + 0.5) / kSamples * pixel - factors.center_x) / factors.radius;
      const double y = (factors.center_y - py - (j + 0.5) / kSamples * pixel) / factors.radius;
      if (!InsideOutline(factors.shape, x * cosine + y * sine, y * cosine - x * sine)) continue;
      ++(DarkTexture(factors.texture, scene, x, y) ? dark : light);
    }
  }
  if (light + dark == 0) return;
  const Color object =
      Mix(scene.object_light, scene.object_dark, static_cast<double>(dark) / (light + dark));
  *color = Mix(*color, object, static_cast<double>(light + dark) / (kSamples * kSamples));
}

// Zero mean, unit variance, nearly Gaussian: the sum of the four bytes of one draw.
double BellNoise(Philox* random) {
  const uint32_t bits = random->NextUint32();
  const int sum =
      static_cast<int>((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24));
  // Four uniform bytes: mean 510, variance 4 * (256^2 - 1) / 12.
  constexpr double kDeviation = 147.8;
  return (sum - 510) / kDeviation;
}

v1::TargetInfo ClassTarget(const std::string& name, std::vector<std::string> classes) {
  v1::TargetInfo info;
  info.set_name(name);
  for (std::string& label : classes) info.add_classes(std::move(label));
  return info;
}

v1::TargetInfo VectorTarget(const std::string& name, int size) {
  v1::TargetInfo info;
  info.set_name(name);
  info.set_vector_size(size);
  return info;
}

v1::Target ClassValue(const std::string& name, int value) {
  v1::Target target;
  target.set_name(name);
  target.set_class_index(value);
  return target;
}

v1::Target VectorValue(const std::string& name, const std::vector<double>& values) {
  v1::Target target;
  target.set_name(name);
  for (double value : values) target.mutable_vector()->add_values(static_cast<float>(value));
  return target;
}

}  // namespace

int ShapeFactors::size() const { return Bin(radius, kMinRadius, kMaxRadius, kNumSizes); }

int ShapeFactors::position() const {
  return 3 * Bin(center_y, kMinCenter, kMaxCenter, 3) + Bin(center_x, kMinCenter, kMaxCenter, 3);
}

int ShapeFactors::rotation() const { return Bin(angle, -kMaxAngle, kMaxAngle, kNumRotations); }

std::vector<std::string> ShapeNames() {
  std::vector<std::string> names;
  for (int i = 0; i < kNumShapes; ++i) names.push_back(OutlineName(i));
  return names;
}

std::vector<v1::TargetInfo> ShapeTargets() {
  std::vector<std::string> rotations;
  for (int i = 0; i < kNumRotations; ++i) {
    rotations.push_back(absl::StrCat(i * 15 - 45, "_to_", i * 15 - 30, "_degrees"));
  }
  return {
      ClassTarget("hue",
                  {"red", "yellow", "green", "spring_green", "cyan", "blue", "violet", "rose"}),
      ClassTarget("position", {"top_left", "top", "top_right", "left", "center", "right",
                               "bottom_left", "bottom", "bottom_right"}),
      VectorTarget("position_xy", 2),
      VectorTarget("radius", 1),
      ClassTarget("rotation", rotations),
      VectorTarget("rotation_unit", 2),
      ClassTarget("shape", ShapeNames()),
      ClassTarget("size", {"small", "medium", "large", "huge"}),
      ClassTarget("texture", {"plain", "stripes", "checks", "dots"}),
  };
}

std::vector<v1::Target> ShapeTargetValues(const ShapeFactors& factors) {
  return {
      ClassValue("hue", factors.hue),
      ClassValue("position", factors.position()),
      VectorValue("position_xy", {factors.center_x, factors.center_y}),
      VectorValue("radius", {factors.radius}),
      ClassValue("rotation", factors.rotation()),
      VectorValue("rotation_unit", {std::cos(factors.angle), std::sin(factors.angle)}),
      ClassValue("shape", factors.shape),
      ClassValue("size", factors.size()),
      ClassValue("texture", factors.texture),
  };
}

ShapeFactors SampleShapeFactors(const v1::ShapesOptions& options, int split, int64_t position,
                                int64_t count) {
  ShapeFactors factors;
  const KeyedPermutation shuffle(
      static_cast<uint64_t>(count),
      MixSeed(options.seed(), (uint64_t{static_cast<uint32_t>(RandomDomain::kShapes)} << 32) |
                                  static_cast<uint32_t>(split)));
  const int combination = static_cast<int>(shuffle(static_cast<uint64_t>(position)) %
                                           (kNumShapes * kNumHues * kNumTextures));
  // A Latin square: any eight neighbours have all shapes, all hues and every texture twice, so that
  // small splits are balanced too. (shape, hue, texture) determine the combination.
  const int row = combination / kNumShapes;
  factors.shape = combination % kNumShapes;
  factors.hue = (row + 3 * factors.shape) % kNumHues;
  factors.texture = (row / kNumHues + row + factors.shape) % kNumTextures;
  Philox random = ImageStream(options, split, position, kFactors);
  factors.radius = random.Uniform(kMinRadius, kMaxRadius);
  factors.center_x = random.Uniform(kMinCenter, kMaxCenter);
  factors.center_y = random.Uniform(kMinCenter, kMaxCenter);
  factors.angle = random.Uniform(-kMaxAngle, kMaxAngle);
  return factors;
}

void DrawShape(const v1::ShapesOptions& options, int split, int64_t position,
               const ShapeFactors& factors, RgbImage* image) {
  const Scene scene = SampleScene(options, split, position, factors);
  Philox noise = ImageStream(options, split, position, kNoise);
  const int size = options.size_px();
  const double pixel = 1.0 / size;
  const double reach = factors.radius * OutlineReach(factors.shape) + pixel;
  image->Resize(size, size);
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size; ++column) {
      const double x = (column + 0.5) * pixel, y = (row + 0.5) * pixel;
      const double ramp = (x - 0.5) * scene.gradient_x + (y - 0.5) * scene.gradient_y;
      const double wave = std::sin(scene.wave_x * x + scene.wave_y * y + scene.wave_phase);
      Color color = Mix(scene.background_a, scene.background_b,
                        std::clamp(0.5 + 0.5 * ramp + 0.25 * wave, 0.0, 1.0));
      for (const Mark& mark : scene.marks) {
        color = Mix(color, mark.color, mark.Coverage(x, y, pixel / 2));
      }
      if (std::abs(x - factors.center_x) < reach && std::abs(y - factors.center_y) < reach) {
        PaintObject(factors, scene, column * pixel, row * pixel, pixel, &color);
      }
      if (scene.crossed) {
        color = Mix(color, scene.line.color, scene.line.Coverage(x, y, pixel / 2));
      }
      uint8_t* out = image->At(row, column);
      for (int c = 0; c < 3; ++c) {
        const double value = color[c] + scene.noise * BellNoise(&noise);
        out[c] = static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0, 1.0)));
      }
    }
  }
}

}  // namespace cassle
