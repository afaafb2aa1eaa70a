#include "cassle/data/images/resample_passes.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/data/images/resample_passes.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int32_t kHalf = 1 << (kResampleWeightBits - 1);

using Sums = hn::CappedTag<int32_t, 16>;
using SumBytes = hn::Rebind<uint8_t, Sums>;

HWY_INLINE uint8_t RoundToByte(int32_t fixed) {
  return static_cast<uint8_t>(std::min(std::max(fixed >> kResampleWeightBits, 0), 255));
}

#if HWY_TARGET == HWY_SCALAR

constexpr int kRowsAtOnce = 1;
constexpr int kTapsPerLoad = 1;

HWY_INLINE void ResampleRows(const ResampleAxis& axis, const uint8_t* const* rows,
                             uint8_t* const* out) {
  const int out_size = static_cast<int>(axis.first.size());
  for (int i = 0; i < out_size; ++i) {
    const int32_t* weight = &axis.weight[static_cast<size_t>(i) * axis.taps];
    const uint8_t* pixel = rows[0] + 3 * axis.first[i];
    int32_t sums[3] = {kHalf, kHalf, kHalf};
    for (int k = 0; k < axis.taps; ++k, pixel += 3) {
      for (int c = 0; c < 3; ++c) sums[c] += weight[k] * pixel[c];
    }
    for (int c = 0; c < 3; ++c) out[0][3 * i + c] = RoundToByte(sums[c]);
  }
}

#else

// Each 128-bit block works on one row: three 32-bit sums, R G B.
constexpr int kRowsAtOnce = static_cast<int>(hn::MaxLanes(Sums()) / 4);
// Pixels of a row that one 16-byte load brings.
constexpr int kTapsPerLoad = 4;
using Blocks = hn::Repartition<uint8_t, Sums>;

// The 16 bytes at `offset` of each row, one row per block.
template <class D>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const uint8_t* const* rows, int64_t offset) {
  if constexpr (hn::MaxLanes(d) == 16) {
    return hn::LoadU(d, rows[0] + offset);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, LoadBlocks(half, rows + hn::MaxLanes(half) / 16, offset),
                       LoadBlocks(half, rows, offset));
  }
}

constexpr uint8_t kNone = 0x80;
// Pixel k of the four to 32-bit R, G, B, 0.
#define CASSLE_SPREAD(k)                                                                      \
  3 * k, kNone, kNone, kNone, 3 * k + 1, kNone, kNone, kNone, 3 * k + 2, kNone, kNone, kNone, \
      kNone, kNone, kNone, kNone
HWY_ALIGN constexpr uint8_t kSpread[4][16] = {
    {CASSLE_SPREAD(0)}, {CASSLE_SPREAD(1)}, {CASSLE_SPREAD(2)}, {CASSLE_SPREAD(3)}};
#undef CASSLE_SPREAD

// kRowsAtOnce rows, kLastTaps = taps after the last whole group of four.
template <int kLastTaps>
HWY_INLINE void ResampleRowsWithTaps(const ResampleAxis& axis, const uint8_t* const* rows,
                                     uint8_t* const* out) {
  const Sums d;
  const Blocks blocks;
  const auto spread0 = hn::LoadDup128(blocks, kSpread[0]);
  const auto spread1 = hn::LoadDup128(blocks, kSpread[1]);
  const auto spread2 = hn::LoadDup128(blocks, kSpread[2]);
  const auto spread3 = hn::LoadDup128(blocks, kSpread[3]);
  const auto tap = [&](hn::Vec<Blocks> pixels, hn::Vec<Blocks> spread, int32_t weight) HWY_ATTR {
    return hn::Mul(hn::BitCast(d, hn::TableLookupBytesOr0(pixels, spread)), hn::Set(d, weight));
  };
  const int out_size = static_cast<int>(axis.first.size());
  const int32_t* weight = axis.weight.data();
  for (int i = 0; i < out_size; ++i) {
    int64_t offset = int64_t{3} * axis.first[i];
    auto sum = hn::Set(d, kHalf);
    for (int k = kTapsPerLoad; k <= axis.taps; k += kTapsPerLoad, offset += 12, weight += 4) {
      const auto pixels = LoadBlocks(blocks, rows, offset);
      sum = hn::Add(sum, hn::Add(tap(pixels, spread0, weight[0]), tap(pixels, spread1, weight[1])));
      sum = hn::Add(sum, hn::Add(tap(pixels, spread2, weight[2]), tap(pixels, spread3, weight[3])));
    }
    if (kLastTaps > 0) {
      const auto pixels = LoadBlocks(blocks, rows, offset);
      sum = hn::Add(sum, tap(pixels, spread0, weight[0]));
      if (kLastTaps > 1) sum = hn::Add(sum, tap(pixels, spread1, weight[1]));
      if (kLastTaps > 2) sum = hn::Add(sum, tap(pixels, spread2, weight[2]));
      weight += kLastTaps;
    }
    uint8_t bytes[4 * kRowsAtOnce];
    hn::StoreU(hn::DemoteTo(SumBytes(), hn::ShiftRight<kResampleWeightBits>(sum)), SumBytes(),
               bytes);
    // The fourth byte is overwritten by the next pixel, or falls into the slack.
    for (int r = 0; r < kRowsAtOnce; ++r) std::memcpy(out[r] + 3 * i, bytes + 4 * r, 4);
  }
}

HWY_INLINE void ResampleRows(const ResampleAxis& axis, const uint8_t* const* rows,
                             uint8_t* const* out) {
  switch (axis.taps % kTapsPerLoad) {
    case 0:
      return ResampleRowsWithTaps<0>(axis, rows, out);
    case 1:
      return ResampleRowsWithTaps<1>(axis, rows, out);
    case 2:
      return ResampleRowsWithTaps<2>(axis, rows, out);
    default:
      return ResampleRowsWithTaps<3>(axis, rows, out);
  }
}

#endif

void AlongRows(const ResampleAxis& axis, const uint8_t* const* row_starts, int height, uint8_t* out,
               int64_t out_stride) {
  for (int y = 0; y < height; y += kRowsAtOnce) {
    const uint8_t* rows[kRowsAtOnce];
    uint8_t* results[kRowsAtOnce];
    for (int r = 0; r < kRowsAtOnce; ++r) {
      // Beyond the last row it is made again.
      const int row = std::min(y + r, height - 1);
      rows[r] = row_starts[row];
      results[r] = out + row * out_stride;
    }
    ResampleRows(axis, rows, results);
  }
}

HWY_INLINE hn::Vec<Sums> Tap(const uint8_t* pixels, hn::Vec<Sums> weight) {
  return hn::Mul(hn::PromoteTo(Sums(), hn::LoadU(SumBytes(), pixels)), weight);
}

HWY_INLINE void StoreSum(hn::Vec<Sums> sum, uint8_t* out) {
  hn::StoreU(hn::DemoteTo(SumBytes(), hn::ShiftRight<kResampleWeightBits>(sum)), SumBytes(), out);
}

// One row of the vertical pass.
HWY_INLINE void SumRows(const int32_t* weights, int taps, const uint8_t* rows, int64_t stride,
                        int64_t row_bytes, uint8_t* out) {
  const Sums d;
  const int64_t lanes = hn::Lanes(d);
  int64_t x = 0;
  for (; x + 4 * lanes <= row_bytes; x += 4 * lanes) {
    auto sum0 = hn::Set(d, kHalf);
    auto sum1 = sum0;
    auto sum2 = sum0;
    auto sum3 = sum0;
    const uint8_t* row = rows + x;
    for (int k = 0; k < taps; ++k, row += stride) {
      const auto weight = hn::Set(d, weights[k]);
      sum0 = hn::Add(sum0, Tap(row, weight));
      sum1 = hn::Add(sum1, Tap(row + lanes, weight));
      sum2 = hn::Add(sum2, Tap(row + 2 * lanes, weight));
      sum3 = hn::Add(sum3, Tap(row + 3 * lanes, weight));
    }
    StoreSum(sum0, out + x);
    StoreSum(sum1, out + x + lanes);
    StoreSum(sum2, out + x + 2 * lanes);
    StoreSum(sum3, out + x + 3 * lanes);
  }
  for (; x < row_bytes; x += lanes) {
    auto sum = hn::Set(d, kHalf);
    const uint8_t* row = rows + x;
    for (int k = 0; k < taps; ++k, row += stride) {
      sum = hn::Add(sum, Tap(row, hn::Set(d, weights[k])));
    }
    uint8_t bytes[16];
    StoreSum(sum, bytes);
    std::copy_n(bytes, std::min(lanes, row_bytes - x), out + x);
  }
}

void AlongColumns(const ResampleAxis& axis, const uint8_t* rows, int64_t stride, int64_t row_bytes,
                  uint8_t* out) {
  const int out_size = static_cast<int>(axis.first.size());
  for (int i = 0; i < out_size; ++i) {
    SumRows(&axis.weight[static_cast<size_t>(i) * axis.taps], axis.taps,
            rows + axis.first[i] * stride, stride, row_bytes, out + i * row_bytes);
  }
}

// What a row must leave readable behind its start.
int64_t BytesRead(const ResampleAxis& axis) {
  const int last = *std::max_element(axis.first.begin(), axis.first.end());
  return int64_t{3} * (last + (axis.taps - 1) / kTapsPerLoad * kTapsPerLoad) + 16;
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cassle {

HWY_EXPORT(AlongRows);
HWY_EXPORT(AlongColumns);
HWY_EXPORT(BytesRead);

void ResampleAlongRows(const ResampleAxis& axis, const RgbImage& source, int top, int left,
                       int height, int width, ResampleScratch* scratch, int64_t out_stride) {
  const int64_t bytes_read = HWY_DYNAMIC_DISPATCH(BytesRead)(axis);
  const uint8_t* const end = source.pixels.data() + source.pixels.size();
  // Rows from here on end too near to the end of the image's memory to read vectors.
  int first_copied = height;
  while (first_copied > 0 && end - source.At(top + first_copied - 1, left) < bytes_read) {
    --first_copied;
  }
  scratch->row_copies.resize((height - first_copied) * bytes_read);
  scratch->row_starts.resize(height);
  for (int y = 0; y < height; ++y) {
    const uint8_t* const row = source.At(top + y, left);
    scratch->row_starts[y] = row;
    if (y < first_copied) continue;
    uint8_t* const copy = scratch->row_copies.data() + (y - first_copied) * bytes_read;
    std::copy_n(row, std::min<int64_t>(bytes_read, int64_t{3} * width), copy);
    scratch->row_starts[y] = copy;
  }
  HWY_DYNAMIC_DISPATCH(AlongRows)
  (axis, scratch->row_starts.data(), height, scratch->narrowed.data(), out_stride);
}

void ResampleAlongColumns(const ResampleAxis& axis, const uint8_t* rows, int64_t stride,
                          int64_t row_bytes, uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(AlongColumns)(axis, rows, stride, row_bytes, out);
}

}  // namespace cassle
#endif  // HWY_ONCE
