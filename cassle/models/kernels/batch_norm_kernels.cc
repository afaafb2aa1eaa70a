#include "cassle/models/kernels/batch_norm_kernels.h"

#include <cstring>

// One copy of each loop per kind of processor; Highway chooses, and obeys ATEN_CPU_CAPABILITY with
// the other kernels (cassle/base/vector_kernels.h).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/models/kernels/batch_norm_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {
namespace {

// The compiler's vectors of 16, as every target has them: one register with AVX-512, two with AVX2,
// four with SSE2.
constexpr int kLanes = 16;
constexpr int kVectors = kStrip / kLanes;
typedef float Floats __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(64)));
typedef int32_t Mask __attribute__((vector_size(64)));
typedef uint16_t Halves __attribute__((vector_size(32)));

HWY_INLINE void Load(const float* from, Floats& to) { std::memcpy(&to, from, sizeof(to)); }
HWY_INLINE void Store(const Floats& from, float* to) { std::memcpy(to, &from, sizeof(from)); }

HWY_INLINE void Widen(const float* from, Floats& to) { Load(from, to); }

HWY_INLINE void Widen(const uint16_t* from, Floats& to) {
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
  const Words words = __builtin_convertvector(halves, Words) << 16;
  std::memcpy(&to, &words, sizeof(to));
}

HWY_INLINE void Narrow(const Floats& from, float* to) { Store(from, to); }

// To the nearest, ties to even.
HWY_INLINE void Narrow(const Floats& from, uint16_t* to) {
  Words words;
  std::memcpy(&words, &from, sizeof(words));
  words = (words + 0x7fff + ((words >> 16) & 1)) >> 16;
  const Halves halves = __builtin_convertvector(words, Halves);
  std::memcpy(to, &halves, sizeof(halves));
}

// value where keep, else 0.
HWY_INLINE void KeepWhere(const Mask& keep, Floats& value) {
  Mask bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits &= keep;
  std::memcpy(&value, &bits, sizeof(bits));
}

// dy where y is positive or NaN.
template <typename T>
HWY_INLINE void LoadGradient(const T* y, const T* dy, Floats& gradient) {
  Widen(dy, gradient);
  if (y == nullptr) return;
  Floats output;
  Widen(y, output);
  KeepWhere(~(output <= 0.0f), gradient);
}

template <typename T>
HWY_INLINE void SumStrips(const T* x, int64_t strips, int64_t stride, const float* shift,
                          float* sum, float* squares) {
  Floats shifts[kVectors], sums[kVectors] = {}, products[kVectors] = {};
  for (int v = 0; v < kVectors; ++v) Load(shift + v * kLanes, shifts[v]);
  for (int64_t i = 0; i < strips; ++i, x += stride) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      Floats value;
      Widen(x + v * kLanes, value);
      value -= shifts[v];
      sums[v] += value;
      products[v] += value * value;
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    Store(sums[v], sum + v * kLanes);
    Store(products[v], squares + v * kLanes);
  }
}

template <typename T>
HWY_INLINE void NormalizeStrips(const T* x, const T* residual, int64_t strips, int64_t stride,
                                const float* scale, const float* offset, bool relu, T* y) {
  Floats scales[kVectors], offsets[kVectors];
  for (int v = 0; v < kVectors; ++v) Load(scale + v * kLanes, scales[v]);
  for (int v = 0; v < kVectors; ++v) Load(offset + v * kLanes, offsets[v]);
  for (int64_t i = 0; i < strips; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = i * stride + v * kLanes;
      Floats value;
      Widen(x + at, value);
      value = value * scales[v] + offsets[v];
      if (residual != nullptr) {
        Floats addend;
        Widen(residual + at, addend);
        value += addend;
      }
      // NaN stays NaN: a training that diverges must not look healthy.
      if (relu) KeepWhere(~(value < 0.0f), value);
      Narrow(value, y + at);
    }
  }
}

template <typename T>
HWY_INLINE void SumGradientStrips(const T* x, const T* y, const T* dy, int64_t strips,
                                  int64_t stride, const float* mean, float* sum, float* products) {
  Floats means[kVectors], sums[kVectors] = {}, dots[kVectors] = {};
  for (int v = 0; v < kVectors; ++v) Load(mean + v * kLanes, means[v]);
  for (int64_t i = 0; i < strips; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = i * stride + v * kLanes;
      Floats value, gradient;
      Widen(x + at, value);
      LoadGradient(y == nullptr ? nullptr : y + at, dy + at, gradient);
      sums[v] += gradient;
      dots[v] += gradient * (value - means[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    Store(sums[v], sum + v * kLanes);
    Store(dots[v], products + v * kLanes);
  }
}

template <typename T>
HWY_INLINE void GradientStrips(const T* x, const T* y, const T* dy, int64_t strips, int64_t stride,
                               const float* scale, const float* slope, const float* offset, T* dx,
                               T* dresidual) {
  Floats scales[kVectors], slopes[kVectors], offsets[kVectors];
  for (int v = 0; v < kVectors; ++v) Load(scale + v * kLanes, scales[v]);
  for (int v = 0; v < kVectors; ++v) Load(slope + v * kLanes, slopes[v]);
  for (int v = 0; v < kVectors; ++v) Load(offset + v * kLanes, offsets[v]);
  for (int64_t i = 0; i < strips; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = i * stride + v * kLanes;
      Floats value, gradient;
      Widen(x + at, value);
      LoadGradient(y == nullptr ? nullptr : y + at, dy + at, gradient);
      if (dresidual != nullptr) Narrow(gradient, dresidual + at);
      Narrow(scales[v] * gradient + slopes[v] * value + offsets[v], dx + at);
    }
  }
}

}  // namespace

void SumStripsFloat32(const float* x, int64_t strips, int64_t stride, const float* shift,
                      float* sum, float* squares) {
  SumStrips(x, strips, stride, shift, sum, squares);
}

void SumStripsBfloat16(const uint16_t* x, int64_t strips, int64_t stride, const float* shift,
                       float* sum, float* squares) {
  SumStrips(x, strips, stride, shift, sum, squares);
}

void NormalizeStripsFloat32(const float* x, const float* residual, int64_t strips, int64_t stride,
                            const float* scale, const float* offset, bool relu, float* y) {
  NormalizeStrips(x, residual, strips, stride, scale, offset, relu, y);
}

void NormalizeStripsBfloat16(const uint16_t* x, const uint16_t* residual, int64_t strips,
                             int64_t stride, const float* scale, const float* offset, bool relu,
                             uint16_t* y) {
  NormalizeStrips(x, residual, strips, stride, scale, offset, relu, y);
}

void SumGradientStripsFloat32(const float* x, const float* y, const float* dy, int64_t strips,
                              int64_t stride, const float* mean, float* sum, float* products) {
  SumGradientStrips(x, y, dy, strips, stride, mean, sum, products);
}

void SumGradientStripsBfloat16(const uint16_t* x, const uint16_t* y, const uint16_t* dy,
                               int64_t strips, int64_t stride, const float* mean, float* sum,
                               float* products) {
  SumGradientStrips(x, y, dy, strips, stride, mean, sum, products);
}

void GradientStripsFloat32(const float* x, const float* y, const float* dy, int64_t strips,
                           int64_t stride, const float* scale, const float* slope,
                           const float* offset, float* dx, float* dresidual) {
  GradientStrips(x, y, dy, strips, stride, scale, slope, offset, dx, dresidual);
}

void GradientStripsBfloat16(const uint16_t* x, const uint16_t* y, const uint16_t* dy,
                            int64_t strips, int64_t stride, const float* scale, const float* slope,
                            const float* offset, uint16_t* dx, uint16_t* dresidual) {
  GradientStrips(x, y, dy, strips, stride, scale, slope, offset, dx, dresidual);
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cassle {

HWY_EXPORT(SumStripsFloat32);
HWY_EXPORT(SumStripsBfloat16);
HWY_EXPORT(NormalizeStripsFloat32);
HWY_EXPORT(NormalizeStripsBfloat16);
HWY_EXPORT(SumGradientStripsFloat32);
HWY_EXPORT(SumGradientStripsBfloat16);
HWY_EXPORT(GradientStripsFloat32);
HWY_EXPORT(GradientStripsBfloat16);

template <>
void SumStrips(const float* x, int64_t strips, int64_t stride, const float* shift, float* sum,
               float* squares) {
  HWY_DYNAMIC_DISPATCH(SumStripsFloat32)(x, strips, stride, shift, sum, squares);
}

template <>
void SumStrips(const uint16_t* x, int64_t strips, int64_t stride, const float* shift, float* sum,
               float* squares) {
  HWY_DYNAMIC_DISPATCH(SumStripsBfloat16)(x, strips, stride, shift, sum, squares);
}

template <>
void NormalizeStrips(const float* x, const float* residual, int64_t strips, int64_t stride,
                     const float* scale, const float* offset, bool relu, float* y) {
  HWY_DYNAMIC_DISPATCH(NormalizeStripsFloat32)(x, residual, strips, stride, scale, offset, relu, y);
}

template <>
void NormalizeStrips(const uint16_t* x, const uint16_t* residual, int64_t strips, int64_t stride,
                     const float* scale, const float* offset, bool relu, uint16_t* y) {
  HWY_DYNAMIC_DISPATCH(NormalizeStripsBfloat16)
  (x, residual, strips, stride, scale, offset, relu, y);
}

template <>
void SumGradientStrips(const float* x, const float* y, const float* dy, int64_t strips,
                       int64_t stride, const float* mean, float* sum, float* products) {
  HWY_DYNAMIC_DISPATCH(SumGradientStripsFloat32)(x, y, dy, strips, stride, mean, sum, products);
}

template <>
void SumGradientStrips(const uint16_t* x, const uint16_t* y, const uint16_t* dy, int64_t strips,
                       int64_t stride, const float* mean, float* sum, float* products) {
  HWY_DYNAMIC_DISPATCH(SumGradientStripsBfloat16)(x, y, dy, strips, stride, mean, sum, products);
}

template <>
void GradientStrips(const float* x, const float* y, const float* dy, int64_t strips, int64_t stride,
                    const float* scale, const float* slope, const float* offset, float* dx,
                    float* dresidual) {
  HWY_DYNAMIC_DISPATCH(GradientStripsFloat32)
  (x, y, dy, strips, stride, scale, slope, offset, dx, dresidual);
}

template <>
void GradientStrips(const uint16_t* x, const uint16_t* y, const uint16_t* dy, int64_t strips,
                    int64_t stride, const float* scale, const float* slope, const float* offset,
                    uint16_t* dx, uint16_t* dresidual) {
  HWY_DYNAMIC_DISPATCH(GradientStripsBfloat16)
  (x, y, dy, strips, stride, scale, slope, offset, dx, dresidual);
}

}  // namespace cassle
#endif
