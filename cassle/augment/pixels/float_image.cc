#include "cassle/augment/pixels/float_image.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/augment/pixels/float_image.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;

HWY_INLINE uint8_t ToByte(float value) {
  const float clamped = value < 0.0f ? 0.0f : (value > 1.0f ? 1.0f : value);
  return static_cast<uint8_t>(static_cast<int>(clamped * 255.0f + 0.5f));
}

#if HWY_TARGET != HWY_SCALAR
// Pixels per step: one 128-bit vector of bytes per channel.
constexpr int64_t kGroup = 16;
using Bytes = hn::FixedTag<uint8_t, kGroup>;
using Integers = hn::RebindToSigned<Floats>;
using FewBytes = hn::Rebind<uint8_t, Floats>;

template <class Function>
HWY_INLINE void ToFloats(hn::Vec<Bytes> bytes, Function function, float* HWY_RESTRICT out) {
  HWY_ALIGN uint8_t group[kGroup];
  hn::Store(bytes, Bytes(), group);
  const Floats d;
  for (int64_t i = 0; i < kGroup; i += hn::Lanes(d)) {
    const auto integers = hn::PromoteTo(Integers(), hn::LoadU(FewBytes(), group + i));
    hn::StoreU(function(hn::ConvertTo(d, integers)), d, out + i);
  }
}

HWY_INLINE hn::Vec<Bytes> ToBytes(const float* HWY_RESTRICT values) {
  HWY_ALIGN uint8_t group[kGroup];
  const Floats d;
  const auto one = hn::Set(d, 1.0f);
  for (int64_t i = 0; i < kGroup; i += hn::Lanes(d)) {
    const auto clamped = hn::Min(hn::Max(hn::LoadU(d, values + i), hn::Zero(d)), one);
    const auto scaled = hn::Add(hn::Mul(clamped, hn::Set(d, 255.0f)), hn::Set(d, 0.5f));
    hn::StoreU(hn::DemoteTo(FewBytes(), hn::ConvertTo(Integers(), scaled)), FewBytes(), group + i);
  }
  return hn::Load(Bytes(), group);
}
#endif

void Spread(const uint8_t* HWY_RESTRICT pixels, int64_t count, float* HWY_RESTRICT red,
            float* HWY_RESTRICT green, float* HWY_RESTRICT blue) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const auto fraction = [](hn::Vec<Floats> x)
                            HWY_ATTR { return hn::Div(x, hn::Set(Floats(), 255.0f)); };
  for (; i + kGroup <= count; i += kGroup) {
    hn::Vec<Bytes> r, g, b;
    hn::LoadInterleaved3(Bytes(), pixels + 3 * i, r, g, b);
    ToFloats(r, fraction, red + i);
    ToFloats(g, fraction, green + i);
    ToFloats(b, fraction, blue + i);
  }
#endif
  for (; i < count; ++i) {
    red[i] = static_cast<float>(pixels[3 * i]) / 255.0f;
    green[i] = static_cast<float>(pixels[3 * i + 1]) / 255.0f;
    blue[i] = static_cast<float>(pixels[3 * i + 2]) / 255.0f;
  }
}

void SpreadScaled(const uint8_t* HWY_RESTRICT pixels, int64_t count, const float* scale,
                  const float* offset, float* HWY_RESTRICT planes) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; i + kGroup <= count; i += kGroup) {
    hn::Vec<Bytes> channels[3];
    hn::LoadInterleaved3(Bytes(), pixels + 3 * i, channels[0], channels[1], channels[2]);
    for (int c = 0; c < 3; ++c) {
      const auto scaled = [&](hn::Vec<Floats> x) HWY_ATTR {
        return hn::Add(hn::Mul(x, hn::Set(Floats(), scale[c])), hn::Set(Floats(), offset[c]));
      };
      ToFloats(channels[c], scaled, planes + c * count + i);
    }
  }
#endif
  for (; i < count; ++i) {
    for (int c = 0; c < 3; ++c) {
      planes[c * count + i] = static_cast<float>(pixels[3 * i + c]) * scale[c] + offset[c];
    }
  }
}

void Gather(const float* HWY_RESTRICT red, const float* HWY_RESTRICT green,
            const float* HWY_RESTRICT blue, int64_t count, uint8_t* HWY_RESTRICT pixels) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; i + kGroup <= count; i += kGroup) {
    hn::StoreInterleaved3(ToBytes(red + i), ToBytes(green + i), ToBytes(blue + i), Bytes(),
                          pixels + 3 * i);
  }
#endif
  for (; i < count; ++i) {
    pixels[3 * i] = ToByte(red[i]);
    pixels[3 * i + 1] = ToByte(green[i]);
    pixels[3 * i + 2] = ToByte(blue[i]);
  }
}

// Swaps vectors from both ends of a row, reversed, until they would meet.
void ReverseRows(float* row, int64_t rows, int64_t width) {
  const Floats d;
  const int64_t lanes = hn::Lanes(d);
  for (int64_t y = 0; y < rows; ++y, row += width) {
    int64_t first = 0;
    int64_t last = width;
    for (; last - first >= 2 * lanes; first += lanes, last -= lanes) {
      const auto left = hn::LoadU(d, row + first);
      const auto right = hn::LoadU(d, row + last - lanes);
      hn::StoreU(hn::Reverse(d, right), d, row + first);
      hn::StoreU(hn::Reverse(d, left), d, row + last - lanes);
    }
    std::reverse(row + first, row + last);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cassle {

HWY_EXPORT(Spread);
HWY_EXPORT(SpreadScaled);
HWY_EXPORT(Gather);
HWY_EXPORT(ReverseRows);

void FromRgb8(const RgbImage& image, FloatImage* result) {
  result->Resize(image.height, image.width);
  HWY_DYNAMIC_DISPATCH(Spread)
  (image.pixels.data(), result->plane_size(), result->plane(0), result->plane(1), result->plane(2));
}

void Normalize(const RgbImage& image, const std::array<double, 3>& mean,
               const std::array<double, 3>& std, float* planes) {
  float scale[3], offset[3];
  for (int c = 0; c < 3; ++c) {
    scale[c] = static_cast<float>(1.0 / (255.0 * std[c]));
    offset[c] = static_cast<float>(-mean[c] / std[c]);
  }
  HWY_DYNAMIC_DISPATCH(SpreadScaled)
  (image.pixels.data(), int64_t{image.height} * image.width, scale, offset, planes);
}

void ToRgb8(const FloatImage& image, RgbImage* result) {
  result->Resize(image.height, image.width);
  HWY_DYNAMIC_DISPATCH(Gather)
  (image.plane(0), image.plane(1), image.plane(2), image.plane_size(), result->pixels.data());
}

void FlipHorizontally(FloatImage* image) {
  HWY_DYNAMIC_DISPATCH(ReverseRows)(image->values.data(), int64_t{3} * image->height, image->width);
}

}  // namespace cassle
#endif  // HWY_ONCE
