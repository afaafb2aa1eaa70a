#include "cassle/augment/pixels/symmetric_filter.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/augment/pixels/symmetric_filter.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#ifndef CASSLE_AUGMENT_PIXELS_SYMMETRIC_FILTER_ONCE_
#define CASSLE_AUGMENT_PIXELS_SYMMETRIC_FILTER_ONCE_
namespace cassle {
namespace {

// Rows of the scratch plane are a whole number of the longest vectors.
constexpr int64_t kRowPadding = 16;

int64_t PaddedWidth(int64_t width) { return (width + kRowPadding - 1) / kRowPadding * kRowPadding; }

int64_t Reflect(int64_t index, int64_t size) {
  if (index < 0) index = -index;
  return index >= size ? 2 * (size - 1) - index : index;
}

// The rows t above and below a centre row (or the row itself moved by t to the left and right).
struct TapRows {
  const float* left;
  const float* right;
};

}  // namespace
}  // namespace cassle
#endif

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kRowPadding>;
using V = hn::Vec<D>;

// out[x] = taps[0] centre[x] + sum over t of taps[t] (left_t[x] + right_t[x]), four vectors at x.
// No fused multiply-add: SSE4 has none, and the bits are to be the same.
HWY_INLINE void FourVectors(absl::Span<const float> taps, const float* centre, const TapRows* rows,
                            int64_t x, float* out) {
  const D d;
  const int64_t n = hn::Lanes(d);
  V tap = hn::Set(d, taps[0]);
  V sum0 = hn::Mul(tap, hn::LoadU(d, centre + x));
  V sum1 = hn::Mul(tap, hn::LoadU(d, centre + x + n));
  V sum2 = hn::Mul(tap, hn::LoadU(d, centre + x + 2 * n));
  V sum3 = hn::Mul(tap, hn::LoadU(d, centre + x + 3 * n));
  for (size_t t = 1; t < taps.size(); ++t) {
    tap = hn::Set(d, taps[t]);
    const float* const left = rows[t].left + x;
    const float* const right = rows[t].right + x;
    const auto pair = [&](int64_t i) {
      return hn::Mul(tap, hn::Add(hn::LoadU(d, left + i), hn::LoadU(d, right + i)));
    };
    sum0 = hn::Add(sum0, pair(0));
    sum1 = hn::Add(sum1, pair(n));
    sum2 = hn::Add(sum2, pair(2 * n));
    sum3 = hn::Add(sum3, pair(3 * n));
  }
  hn::StoreU(sum0, d, out);
  hn::StoreU(sum1, d, out + n);
  hn::StoreU(sum2, d, out + 2 * n);
  hn::StoreU(sum3, d, out + 3 * n);
}

HWY_INLINE void OneVector(absl::Span<const float> taps, const float* centre, const TapRows* rows,
                          int64_t x, float* out) {
  const D d;
  V sum = hn::Mul(hn::Set(d, taps[0]), hn::LoadU(d, centre + x));
  for (size_t t = 1; t < taps.size(); ++t) {
    sum = hn::Add(sum, hn::Mul(hn::Set(d, taps[t]), hn::Add(hn::LoadU(d, rows[t].left + x),
                                                            hn::LoadU(d, rows[t].right + x))));
  }
  hn::StoreU(sum, d, out);
}

// One row of the result. All rows may be read up to the padded width; of `out` only `width` values
// are written.
HWY_INLINE void FilterRow(absl::Span<const float> taps, const float* centre, const TapRows* rows,
                          int64_t width, float* out) {
  const int64_t lanes = hn::Lanes(D());
  int64_t x = 0;
  for (; x + 4 * lanes <= width; x += 4 * lanes) FourVectors(taps, centre, rows, x, out + x);
  for (; x + lanes <= width; x += lanes) OneVector(taps, centre, rows, x, out + x);
  if (x == width) return;
  float rest[kRowPadding];
  OneVector(taps, centre, rows, x, rest);
  std::copy_n(rest, width - x, out + x);
}

// padded: one row with its reflected borders; blurred: [height, padded width].
void FilterPlane(absl::Span<const float> taps, int64_t height, int64_t width, float* padded,
                 float* blurred, float* plane) {
  const int64_t radius = static_cast<int64_t>(taps.size()) - 1;
  const int64_t stride = PaddedWidth(width);
  absl::InlinedVector<TapRows, 16> rows(radius + 1);
  float* const centre = padded + radius;
  for (int64_t t = 0; t <= radius; ++t) rows[t] = {centre - t, centre + t};
  for (int64_t y = 0; y < height; ++y) {
    const float* const row = plane + y * width;
    std::copy_n(row, width, centre);
    for (int64_t t = 1; t <= radius; ++t) {
      centre[-t] = row[t];
      centre[width - 1 + t] = row[width - 1 - t];
    }
    FilterRow(taps, centre, rows.data(), stride, blurred + y * stride);
  }
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t t = 0; t <= radius; ++t) {
      rows[t] = {blurred + Reflect(y - t, height) * stride,
                 blurred + Reflect(y + t, height) * stride};
    }
    FilterRow(taps, blurred + y * stride, rows.data(), width, plane + y * width);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cassle {

HWY_EXPORT(FilterPlane);

void FilterSymmetrically(absl::Span<const float> taps, std::vector<float>* scratch,
                         FloatImage* image) {
  const int64_t radius = static_cast<int64_t>(taps.size()) - 1;
  const int64_t stride = PaddedWidth(image->width);
  const int64_t padded = PaddedWidth(stride + 2 * radius);
  scratch->resize(padded + image->height * stride);
  for (int c = 0; c < 3; ++c) {
    HWY_DYNAMIC_DISPATCH(FilterPlane)
    (taps, image->height, image->width, scratch->data(), scratch->data() + padded, image->plane(c));
  }
}

}  // namespace cassle
#endif  // HWY_ONCE
