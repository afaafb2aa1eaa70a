#include "cassle/augment/pixels/pixel_noise.h"

#include <array>
#include <cmath>

#include "cassle/base/philox.h"

namespace cassle {
namespace {

// Natural logarithm of 0 < x < 1 by the series of artanh, to about 1e-13. (Results of the C library
// differ in the last bit between processors with and without fused multiplication.)
double Log(double x) {
  int exponent;
  double mantissa = std::frexp(x, &exponent);  // exact
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2.0;
    --exponent;
  }
  const double s = (mantissa - 1.0) / (mantissa + 1.0);  // at most 0.172
  const double s2 = s * s;
  double sum = 0.0;
  for (int k = 15; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return 2.0 * s * sum + exponent * 0.69314718055994531;
}

}  // namespace

double NormalQuantile(double probability) {
  const double q = probability - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) /
           (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0);
  }
  const double tail = q < 0.0 ? probability : 1.0 - probability;
  double r = std::sqrt(-Log(tail));
  double z;
  if (r <= 5.0) {
    r -= 1.6;
    z = (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777) /
        ((0.12021132975 * r + 0.73700164250) * r + 1.0);
  } else {
    r -= 5.0;
    z = (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150) /
        ((0.012258202635 * r + 0.24197894225) * r + 1.0);
  }
  return q < 0.0 ? -z : z;
}

void AddNoise(uint64_t key, uint32_t channel, float sigma, int64_t count, float* values) {
  const std::array<uint32_t, 2> philox_key = {static_cast<uint32_t>(key),
                                              static_cast<uint32_t>(key >> 32)};
  for (int64_t i = 0; i < count; i += 4) {
    const std::array<uint32_t, 4> words = Philox::Block(
        {static_cast<uint32_t>(i / 4), static_cast<uint32_t>((i / 4) >> 32), channel, 0x6e6f6973u},
        philox_key);
    for (int64_t k = 0; k < 4 && i + k < count; ++k) {
      const double normal = NormalQuantile((words[k] + 0.5) * 0x1.0p-32);
      values[i + k] += sigma * static_cast<float>(normal);
    }
  }
}

}  // namespace cassle
