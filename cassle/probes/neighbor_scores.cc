#include "cassle/probes/neighbor_scores.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/probes/neighbor_scores.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, kTileQueries / 3>;

// R rows times three vectors of queries: all 3 R sums stay in registers.
template <int R>
HWY_INLINE void ScoreRows(const float* HWY_RESTRICT rows, int64_t stride,
                          const float* HWY_RESTRICT offsets, const float* HWY_RESTRICT tile,
                          int64_t columns, float* HWY_RESTRICT scores) {
  static_assert(R == 1 || R == 4 || R == 8, "as unrolled below");
  const Tag tag;
  using V = hn::Vec<Tag>;
  const int64_t lanes = hn::Lanes(tag);
  for (int64_t q = 0; q < kTileQueries; q += 3 * lanes) {
    const auto begin = [&](int r) { return hn::Set(tag, r < R ? offsets[r] : 0); };
    V a0 = begin(0), b0 = a0, c0 = a0, a1 = begin(1), b1 = a1, c1 = a1;
    V a2 = begin(2), b2 = a2, c2 = a2, a3 = begin(3), b3 = a3, c3 = a3;
    V a4 = begin(4), b4 = a4, c4 = a4, a5 = begin(5), b5 = a5, c5 = a5;
    V a6 = begin(6), b6 = a6, c6 = a6, a7 = begin(7), b7 = a7, c7 = a7;
    const float* HWY_RESTRICT column = tile + q;
    for (int64_t k = 0; k < columns; ++k, column += kTileQueries) {
      const V x = hn::Load(tag, column);
      const V y = hn::Load(tag, column + lanes);
      const V z = hn::Load(tag, column + 2 * lanes);
      const auto add = [&](int r, V& a, V& b, V& c) HWY_ATTR {
        if (r >= R) return;
        const V value = hn::Set(tag, rows[r * stride + k]);
        a = hn::MulAdd(value, x, a);
        b = hn::MulAdd(value, y, b);
        c = hn::MulAdd(value, z, c);
      };
      add(0, a0, b0, c0);
      add(1, a1, b1, c1);
      add(2, a2, b2, c2);
      add(3, a3, b3, c3);
      add(4, a4, b4, c4);
      add(5, a5, b5, c5);
      add(6, a6, b6, c6);
      add(7, a7, b7, c7);
    }
    const auto end = [&](int r, V a, V b, V c) HWY_ATTR {
      if (r >= R) return;
      float* to = scores + r * kTileQueries + q;
      hn::StoreU(a, tag, to);
      hn::StoreU(b, tag, to + lanes);
      hn::StoreU(c, tag, to + 2 * lanes);
    };
    end(0, a0, b0, c0);
    end(1, a1, b1, c1);
    end(2, a2, b2, c2);
    end(3, a3, b3, c3);
    end(4, a4, b4, c4);
    end(5, a5, b5, c5);
    end(6, a6, b6, c6);
    end(7, a7, b7, c7);
  }
}

void ScoreImpl(const float* rows, int64_t stride, int64_t num_rows, const float* offsets,
               const float* tile, int64_t columns, float* scores) {
  // As many rows as the registers hold: 32 with AVX-512, 16 before.
  constexpr int kRows = HWY_TARGET <= HWY_AVX3 ? 8 : 4;
  int64_t r = 0;
  for (; r + kRows <= num_rows; r += kRows) {
    ScoreRows<kRows>(rows + r * stride, stride, offsets + r, tile, columns,
                     scores + r * kTileQueries);
  }
  for (; r < num_rows; ++r) {
    ScoreRows<1>(rows + r * stride, stride, offsets + r, tile, columns, scores + r * kTileQueries);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cassle {

HWY_EXPORT(ScoreImpl);

void ScoreTile(const float* rows, int64_t stride, int64_t num_rows, const float* offsets,
               const float* tile, int64_t columns, float* scores) {
  HWY_DYNAMIC_DISPATCH(ScoreImpl)(rows, stride, num_rows, offsets, tile, columns, scores);
}

}  // namespace cassle
#endif  // HWY_ONCE
