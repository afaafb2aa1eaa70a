#include "cassle/models/batch_norm_kernels.h"

#include <cstring>

// One copy of each loop per kind of processor, chosen when the program is loaded.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define CASSLE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CASSLE_CLONES
#endif

namespace cassle {
namespace {

// Compiler vectors of 16: one register with AVX-512, two with AVX2, four with SSE2.
constexpr int kLanes = 16;
constexpr int kVectors = kStrip / kLanes;
typedef float Floats __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(64)));
typedef int32_t Mask __attribute__((vector_size(64)));
typedef uint16_t Halves __attribute__((vector_size(32)));

#define CASSLE_INLINE inline __attribute__((always_inline))

CASSLE_INLINE void Load(const float* from, Floats& to) { std::memcpy(&to, from, sizeof(to)); }
CASSLE_INLINE void Store(const Floats& from, float* to) { std::memcpy(to, &from, sizeof(from)); }

CASSLE_INLINE void Widen(const float* from, Floats& to) { Load(from, to); }

CASSLE_INLINE void Widen(const uint16_t* from, Floats& to) {
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
  const Words words = __builtin_convertvector(halves, Words) << 16;
  std::memcpy(&to, &words, sizeof(to));
}

CASSLE_INLINE void Narrow(const Floats& from, float* to) { Store(from, to); }

// To the nearest, ties to even.
CASSLE_INLINE void Narrow(const Floats& from, uint16_t* to) {
  Words words;
  std::memcpy(&words, &from, sizeof(words));
  words = (words + 0x7fff + ((words >> 16) & 1)) >> 16;
  const Halves halves = __builtin_convertvector(words, Halves);
  std::memcpy(to, &halves, sizeof(halves));
}

// value where keep, else 0.
CASSLE_INLINE void KeepWhere(const Mask& keep, Floats& value) {
  Mask bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits &= keep;
  std::memcpy(&value, &bits, sizeof(bits));
}

// dy where y is positive or NaN.
template <typename T>
CASSLE_INLINE void LoadGradient(const T* y, const T* dy, Floats& gradient) {
  Widen(dy, gradient);
  if (y == nullptr) return;
  Floats output;
  Widen(y, output);
  KeepWhere(~(output <= 0.0f), gradient);
}

template <typename T>
CASSLE_INLINE void SumStripsOf(const T* x, int64_t strips, int64_t stride, const float* shift,
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
CASSLE_INLINE void NormalizeStripsOf(const T* x, const T* residual, int64_t strips, int64_t stride,
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
CASSLE_INLINE void SumGradientStripsOf(const T* x, const T* y, const T* dy, int64_t strips,
                                       int64_t stride, const float* mean, float* sum,
                                       float* products) {
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
CASSLE_INLINE void GradientStripsOf(const T* x, const T* y, const T* dy, int64_t strips,
                                    int64_t stride, const float* scale, const float* slope,
                                    const float* offset, T* dx, T* dresidual) {
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

template <>
CASSLE_CLONES void SumStrips(const float* x, int64_t strips, int64_t stride, const float* shift,
                             float* sum, float* squares) {
  SumStripsOf(x, strips, stride, shift, sum, squares);
}

template <>
CASSLE_CLONES void SumStrips(const uint16_t* x, int64_t strips, int64_t stride, const float* shift,
                             float* sum, float* squares) {
  SumStripsOf(x, strips, stride, shift, sum, squares);
}

template <>
CASSLE_CLONES void NormalizeStrips(const float* x, const float* residual, int64_t strips,
                                   int64_t stride, const float* scale, const float* offset,
                                   bool relu, float* y) {
  NormalizeStripsOf(x, residual, strips, stride, scale, offset, relu, y);
}

template <>
CASSLE_CLONES void NormalizeStrips(const uint16_t* x, const uint16_t* residual, int64_t strips,
                                   int64_t stride, const float* scale, const float* offset,
                                   bool relu, uint16_t* y) {
  NormalizeStripsOf(x, residual, strips, stride, scale, offset, relu, y);
}

template <>
CASSLE_CLONES void SumGradientStrips(const float* x, const float* y, const float* dy,
                                     int64_t strips, int64_t stride, const float* mean, float* sum,
                                     float* products) {
  SumGradientStripsOf(x, y, dy, strips, stride, mean, sum, products);
}

template <>
CASSLE_CLONES void SumGradientStrips(const uint16_t* x, const uint16_t* y, const uint16_t* dy,
                                     int64_t strips, int64_t stride, const float* mean, float* sum,
                                     float* products) {
  SumGradientStripsOf(x, y, dy, strips, stride, mean, sum, products);
}

template <>
CASSLE_CLONES void GradientStrips(const float* x, const float* y, const float* dy, int64_t strips,
                                  int64_t stride, const float* scale, const float* slope,
                                  const float* offset, float* dx, float* dresidual) {
  GradientStripsOf(x, y, dy, strips, stride, scale, slope, offset, dx, dresidual);
}

template <>
CASSLE_CLONES void GradientStrips(const uint16_t* x, const uint16_t* y, const uint16_t* dy,
                                  int64_t strips, int64_t stride, const float* scale,
                                  const float* slope, const float* offset, uint16_t* dx,
                                  uint16_t* dresidual) {
  GradientStripsOf(x, y, dy, strips, stride, scale, slope, offset, dx, dresidual);
}

}  // namespace cassle
