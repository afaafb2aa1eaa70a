#include "cassle/augment/float_image.h"

#include <algorithm>

namespace cassle {
namespace {

struct ByteToFloat {
  float value[256];
  ByteToFloat() {
    for (int i = 0; i < 256; ++i) value[i] = static_cast<float>(i) / 255.0f;
  }
};

uint8_t RoundToByte(float value) {
  const float clamped = value < 0.0f ? 0.0f : (value > 1.0f ? 1.0f : value);
  return static_cast<uint8_t>(static_cast<int>(clamped * 255.0f + 0.5f));
}

}  // namespace

void FromRgb8(const RgbImage& image, FloatImage* result) {
  static const ByteToFloat table;
  result->Resize(image.height, image.width);
  float* red = result->plane(0);
  float* green = result->plane(1);
  float* blue = result->plane(2);
  const uint8_t* pixel = image.pixels.data();
  const int64_t count = result->plane_size();
  for (int64_t i = 0; i < count; ++i, pixel += 3) {
    red[i] = table.value[pixel[0]];
    green[i] = table.value[pixel[1]];
    blue[i] = table.value[pixel[2]];
  }
}

void ToRgb8(const FloatImage& image, RgbImage* result) {
  result->height = image.height;
  result->width = image.width;
  const int64_t count = image.plane_size();
  result->pixels.resize(3 * count);
  const float* red = image.plane(0);
  const float* green = image.plane(1);
  const float* blue = image.plane(2);
  uint8_t* pixel = result->pixels.data();
  for (int64_t i = 0; i < count; ++i) {
    pixel[3 * i] = RoundToByte(red[i]);
    pixel[3 * i + 1] = RoundToByte(green[i]);
    pixel[3 * i + 2] = RoundToByte(blue[i]);
  }
}

double Mean(const float* values, int64_t count) {
  if (count == 0) return 0.0;
  // Float lanes over short blocks (fast, and exact to about 1e-7), blocks in double.
  constexpr int kLanes = 16;
  constexpr int64_t kBlock = 64 * kLanes;
  double total = 0.0;
  int64_t i = 0;
  while (count - i >= kLanes) {
    float lanes[kLanes] = {};
    const int64_t end = i + std::min((count - i) / kLanes * kLanes, kBlock);
    for (; i < end; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
    }
    for (float lane : lanes) total += lane;
  }
  for (; i < count; ++i) total += values[i];
  return total / static_cast<double>(count);
}

std::array<double, 3> ChannelMeans(const FloatImage& image) {
  return {Mean(image.plane(0), image.plane_size()), Mean(image.plane(1), image.plane_size()),
          Mean(image.plane(2), image.plane_size())};
}

}  // namespace cassle
