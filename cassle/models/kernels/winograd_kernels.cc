#include "cassle/models/kernels/winograd_kernels.h"

#include <algorithm>
#include <vector>

// Vectors of unknown length cannot be kept in arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/models/kernels/winograd_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#ifndef CASSLE_MODELS_KERNELS_WINOGRAD_KERNELS_ONCE_
#define CASSLE_MODELS_KERNELS_WINOGRAD_KERNELS_ONCE_
namespace cassle {
namespace {

// The points of interpolation and what follows from them.
constexpr float kA = 0.75f, kB = 1.5f;
constexpr float kA2 = kA * kA, kB2 = kB * kB;
constexpr float kSum = kA2 + kB2, kProduct = kA2 * kB2;

constexpr int64_t kPatch = 6;

// G, [6, 3].
constexpr double kFa = 2.0 * kA2 * (kA2 - kB2), kFb = 2.0 * kB2 * (kB2 - kA2);
constexpr double kG[6][3] = {{1.0 / kProduct, 0, 0},          {1 / kFa, kA / kFa, kA2 / kFa},
                             {1 / kFa, -kA / kFa, kA2 / kFa}, {1 / kFb, kB / kFb, kB2 / kFb},
                             {1 / kFb, -kB / kFb, kB2 / kFb}, {0, 0, 1}};

// Pixels of the patch whose corner is at (top, left), `side` x `side`; those outside the picture
// are `outside`.
template <typename T>
void PointAtPatch(const TiledImage& image, T* pixels, int64_t top, int64_t left, int64_t side,
                  T* outside, T** pointers) {
  for (int64_t y = top; y < top + side; ++y) {
    for (int64_t x = left; x < left + side; ++x) {
      const bool inside = y >= 0 && y < image.height && x >= 0 && x < image.width;
      *pointers++ = inside ? pixels + (y * image.width + x) * image.channels : outside;
    }
  }
}

// Calls f(index of the tile in the range, its image's first pixel, row, column) for [first, last).
template <typename F>
void ForEachTile(const TiledImage& image, int64_t first, int64_t last, F f) {
  for (int64_t tile = first; tile < last; ++tile) {
    const int64_t in_image = tile % image.tiles();
    f(tile - first, tile / image.tiles() * image.height * image.width * image.channels,
      in_image / image.tiles_across() * kTile, in_image % image.tiles_across() * kTile);
  }
}

}  // namespace
}  // namespace cassle
#endif

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kPanel>;
using V = hn::Vec<D>;

// Six values -> B^T of them.
HWY_INLINE void MapInput(V& d0, V& d1, V& d2, V& d3, V& d4, V& d5) {
  const D d;
  const V sum = hn::Set(d, kSum), product = hn::Set(d, kProduct);
  const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
  const V first = hn::MulAdd(product, d0, hn::NegMulAdd(sum, d2, d4));
  const V last = hn::MulAdd(product, d1, hn::NegMulAdd(sum, d3, d5));
  const V u = hn::NegMulAdd(b2, d2, d4), v = hn::Mul(a, hn::NegMulAdd(b2, d1, d3));
  const V w = hn::NegMulAdd(a2, d2, d4), z = hn::Mul(b, hn::NegMulAdd(a2, d1, d3));
  d0 = first;
  d1 = hn::Add(u, v);
  d2 = hn::Sub(u, v);
  d3 = hn::Add(w, z);
  d4 = hn::Sub(w, z);
  d5 = last;
}

// Six values -> the four of A^T.
HWY_INLINE void MapOutput(V m0, V m1, V m2, V m3, V m4, V m5, V& y0, V& y1, V& y2, V& y3) {
  const D d;
  const V sum_a = hn::Add(m1, m2), sum_b = hn::Add(m3, m4);
  const V difference_a = hn::Mul(hn::Set(d, kA), hn::Sub(m1, m2));
  const V difference_b = hn::Mul(hn::Set(d, kB), hn::Sub(m3, m4));
  const V a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
  y0 = hn::Add(m0, hn::Add(sum_a, sum_b));
  y1 = hn::Add(difference_a, difference_b);
  y2 = hn::MulAdd(a2, sum_a, hn::Mul(b2, sum_b));
  y3 = hn::MulAdd(a2, difference_a, hn::MulAdd(b2, difference_b, m5));
}

// Four values -> the six of A.
HWY_INLINE void MapGradient(V y0, V y1, V y2, V y3, V& z0, V& z1, V& z2, V& z3, V& z4, V& z5) {
  const D d;
  const V a = hn::Set(d, kA), b = hn::Set(d, kB), a2 = hn::Set(d, kA2), b2 = hn::Set(d, kB2);
  const V even_a = hn::MulAdd(a2, y2, y0), odd_a = hn::Mul(a, hn::MulAdd(a2, y3, y1));
  const V even_b = hn::MulAdd(b2, y2, y0), odd_b = hn::Mul(b, hn::MulAdd(b2, y3, y1));
  z0 = y0;
  z1 = hn::Add(even_a, odd_a);
  z2 = hn::Sub(even_a, odd_a);
  z3 = hn::Add(even_b, odd_b);
  z4 = hn::Sub(even_b, odd_b);
  z5 = y3;
}

// Where channel c of a tile begins in the strides' memory.
HWY_INLINE int64_t Offset(const TileStrides& strides, int64_t tile, int64_t channel) {
  return tile * strides.tile + channel / kPanel * strides.panel + channel % kPanel;
}

void InputTiles(const TiledImage& image, const float* pixels, int64_t first, int64_t last,
                const TileStrides& strides, float* out) {
  const D d;
  const int64_t lanes = hn::Lanes(d);
  const std::vector<float> zeros(image.channels, 0.0f);
  ForEachTile(image, first, last, [&](int64_t tile, int64_t begin, int64_t top, int64_t left) {
    const float* from[kPatch * kPatch];
    PointAtPatch(image, pixels + begin, top - 1, left - 1, kPatch, zeros.data(), from);
    for (int64_t c = 0; c < image.channels; c += lanes) {
      HWY_ALIGN float rows[kPatch * kPatch * kPanel];
      for (int64_t x = 0; x < kPatch; ++x) {
        const auto load = [&](int64_t y) { return hn::LoadU(d, from[y * kPatch + x] + c); };
        V v0 = load(0), v1 = load(1), v2 = load(2), v3 = load(3), v4 = load(4), v5 = load(5);
        MapInput(v0, v1, v2, v3, v4, v5);
        const auto store = [&](int64_t y, V v) {
          hn::Store(v, d, rows + (y * kPatch + x) * lanes);
        };
        store(0, v0), store(1, v1), store(2, v2), store(3, v3), store(4, v4), store(5, v5);
      }
      float* to = out + Offset(strides, tile, c);
      for (int64_t y = 0; y < kPatch; ++y) {
        const float* row = rows + y * kPatch * lanes;
        const auto load = [&](int64_t x) { return hn::Load(d, row + x * lanes); };
        V v0 = load(0), v1 = load(1), v2 = load(2), v3 = load(3), v4 = load(4), v5 = load(5);
        MapInput(v0, v1, v2, v3, v4, v5);
        for (const V& v : {v0, v1, v2, v3, v4, v5}) {
          hn::StoreU(v, d, to);
          to += strides.frequency;
        }
      }
    }
  });
}

void GradientTiles(const TiledImage& image, const float* gradient, int64_t first, int64_t last,
                   const TileStrides& strides, float* out) {
  const D d;
  const int64_t lanes = hn::Lanes(d);
  const std::vector<float> zeros(image.channels, 0.0f);
  ForEachTile(image, first, last, [&](int64_t tile, int64_t begin, int64_t top, int64_t left) {
    const float* from[kTile * kTile];
    PointAtPatch(image, gradient + begin, top, left, kTile, zeros.data(), from);
    for (int64_t c = 0; c < image.channels; c += lanes) {
      HWY_ALIGN float rows[kPatch * kTile * kPanel];
      V z0, z1, z2, z3, z4, z5;
      for (int64_t x = 0; x < kTile; ++x) {
        const auto load = [&](int64_t y) { return hn::LoadU(d, from[y * kTile + x] + c); };
        MapGradient(load(0), load(1), load(2), load(3), z0, z1, z2, z3, z4, z5);
        const auto store = [&](int64_t y, V v) { hn::Store(v, d, rows + (y * kTile + x) * lanes); };
        store(0, z0), store(1, z1), store(2, z2), store(3, z3), store(4, z4), store(5, z5);
      }
      float* to = out + Offset(strides, tile, c);
      for (int64_t y = 0; y < kPatch; ++y) {
        const float* row = rows + y * kTile * lanes;
        const auto load = [&](int64_t x) { return hn::Load(d, row + x * lanes); };
        MapGradient(load(0), load(1), load(2), load(3), z0, z1, z2, z3, z4, z5);
        for (const V& z : {z0, z1, z2, z3, z4, z5}) {
          hn::StoreU(z, d, to);
          to += strides.frequency;
        }
      }
    }
  });
}

void OutputTiles(const TiledImage& image, const float* products, const TileStrides& strides,
                 int64_t first, int64_t last, float* pixels) {
  const D d;
  const int64_t lanes = hn::Lanes(d);
  // Outputs that hang over the border.
  std::vector<float> nowhere(image.channels);
  ForEachTile(image, first, last, [&](int64_t tile, int64_t begin, int64_t top, int64_t left) {
    float* to[kTile * kTile];
    PointAtPatch(image, pixels + begin, top, left, kTile, nowhere.data(), to);
    for (int64_t c = 0; c < image.channels; c += lanes) {
      HWY_ALIGN float rows[kTile * kPatch * kPanel];
      const float* from = products + Offset(strides, tile, c);
      V y0, y1, y2, y3;
      for (int64_t x = 0; x < kPatch; ++x) {
        const auto load = [&](int64_t y) {
          return hn::LoadU(d, from + (y * kPatch + x) * strides.frequency);
        };
        MapOutput(load(0), load(1), load(2), load(3), load(4), load(5), y0, y1, y2, y3);
        const auto store = [&](int64_t y, V v) {
          hn::Store(v, d, rows + (y * kPatch + x) * lanes);
        };
        store(0, y0), store(1, y1), store(2, y2), store(3, y3);
      }
      for (int64_t y = 0; y < kTile; ++y) {
        const float* row = rows + y * kPatch * lanes;
        const auto load = [&](int64_t x) { return hn::Load(d, row + x * lanes); };
        MapOutput(load(0), load(1), load(2), load(3), load(4), load(5), y0, y1, y2, y3);
        float** const line = to + y * kTile;
        hn::StoreU(y0, d, line[0] + c);
        hn::StoreU(y1, d, line[1] + c);
        hn::StoreU(y2, d, line[2] + c);
        hn::StoreU(y3, d, line[3] + c);
      }
    }
  });
}

// kRows rows of MultiplyPanel. Sums stay in registers: kRows vectors of 16 lanes, 2 kRows of 8.
template <int kRows>
HWY_INLINE void MultiplyRows(const float* HWY_RESTRICT a, int64_t row, int64_t inner,
                             const float* HWY_RESTRICT b, int64_t depth, float* HWY_RESTRICT out,
                             int64_t out_row, bool accumulate) {
  const D d;
  constexpr int64_t lanes = hn::MaxLanes(D());
  constexpr int kVectors = kPanel / lanes;
  V sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = accumulate ? hn::LoadU(d, out + r * out_row + v * lanes) : hn::Zero(d);
    }
  }
  for (int64_t p = 0; p < depth; ++p) {
    V panel[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) panel[v] = hn::LoadU(d, b + p * kPanel + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V value = hn::Set(d, a[r * row + p * inner]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(value, panel[v], sums[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sums[r][v], d, out + r * out_row + v * lanes);
  }
}

void Multiply(const float* a, int64_t row, int64_t inner, const float* b, int64_t rows,
              int64_t depth, float* out, int64_t out_row, bool accumulate) {
  // What the registers hold beside the panel and one value of a.
  constexpr int64_t kLanes = hn::MaxLanes(D());
  constexpr int kMost = kLanes >= 16 ? 16 : kLanes >= 8 ? 6 : 2;
  const auto take = [&](auto count) {
    constexpr int kRows = decltype(count)::value;
    MultiplyRows<kRows>(a, row, inner, b, depth, out, out_row, accumulate);
    a += kRows * row;
    out += kRows * out_row;
    rows -= kRows;
  };
  while (rows >= kMost) take(std::integral_constant<int, kMost>());
  if (kMost > 8 && rows >= 8) take(std::integral_constant<int, 8>());
  if (kMost > 4 && rows >= 4) take(std::integral_constant<int, 4>());
  if (rows >= 2) take(std::integral_constant<int, 2>());
  if (rows >= 1) take(std::integral_constant<int, 1>());
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cassle {

HWY_EXPORT(InputTiles);
HWY_EXPORT(GradientTiles);
HWY_EXPORT(OutputTiles);
HWY_EXPORT(Multiply);

void TransformInputTiles(const TiledImage& image, const float* pixels, int64_t first, int64_t last,
                         const TileStrides& strides, float* out) {
  HWY_DYNAMIC_DISPATCH(InputTiles)(image, pixels, first, last, strides, out);
}

void TransformGradientTiles(const TiledImage& image, const float* gradient, int64_t first,
                            int64_t last, const TileStrides& strides, float* out) {
  HWY_DYNAMIC_DISPATCH(GradientTiles)(image, gradient, first, last, strides, out);
}

void StoreOutputTiles(const TiledImage& image, const float* products, const TileStrides& strides,
                      int64_t first, int64_t last, float* pixels) {
  HWY_DYNAMIC_DISPATCH(OutputTiles)(image, products, strides, first, last, pixels);
}

void MultiplyPanel(const float* a, int64_t row, int64_t inner, const float* b, int64_t rows,
                   int64_t depth, float* out, int64_t out_row, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(Multiply)(a, row, inner, b, rows, depth, out, out_row, accumulate);
}

void TransformWeights(const float* weight, int64_t out, int64_t in, int64_t stride_out,
                      int64_t stride_in, bool turned, int64_t first_panel, int64_t last_panel,
                      float* transformed) {
  for (int64_t panel = first_panel; panel < last_panel; ++panel) {
    for (int64_t i = 0; i < in; ++i) {
      // Sixteen kernels at once: the compiler makes vectors of the innermost loops.
      float kernel[3][3][kPanel], half[6][3][kPanel];
      for (int64_t o = 0; o < kPanel; ++o) {
        const float* from = weight + (panel * kPanel + o) * stride_out + i * stride_in;
        for (int64_t k = 0; k < 9; ++k) {
          const int64_t at = turned ? 8 - k : k;
          kernel[at / 3][at % 3][o] = from[k];
        }
      }
      for (int y = 0; y < 6; ++y) {
        for (int x = 0; x < 3; ++x) {
          for (int64_t o = 0; o < kPanel; ++o) {
            half[y][x][o] = static_cast<float>(kG[y][0]) * kernel[0][x][o] +
                            static_cast<float>(kG[y][1]) * kernel[1][x][o] +
                            static_cast<float>(kG[y][2]) * kernel[2][x][o];
          }
        }
      }
      for (int y = 0; y < 6; ++y) {
        for (int x = 0; x < 6; ++x) {
          float* to = transformed + (y * 6 + x) * in * out + (panel * in + i) * kPanel;
          for (int64_t o = 0; o < kPanel; ++o) {
            to[o] = static_cast<float>(kG[x][0]) * half[y][0][o] +
                    static_cast<float>(kG[x][1]) * half[y][1][o] +
                    static_cast<float>(kG[x][2]) * half[y][2][o];
          }
        }
      }
    }
  }
}

void TransformWeightGradients(const float* transformed, int64_t out, int64_t in,
                              int64_t first_panel, int64_t last_panel, float* weight) {
  for (int64_t panel = first_panel; panel < last_panel; ++panel) {
    for (int64_t i = 0; i < in; ++i) {
      float half[3][6][kPanel] = {}, kernel[3][3][kPanel] = {};
      for (int y = 0; y < 6; ++y) {
        for (int x = 0; x < 6; ++x) {
          const float* from = transformed + (y * 6 + x) * in * out + (panel * in + i) * kPanel;
          for (int k = 0; k < 3; ++k) {
            for (int64_t o = 0; o < kPanel; ++o) {
              half[k][x][o] += static_cast<float>(kG[y][k]) * from[o];
            }
          }
        }
      }
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < 6; ++x) {
          for (int k = 0; k < 3; ++k) {
            for (int64_t o = 0; o < kPanel; ++o) {
              kernel[y][k][o] += static_cast<float>(kG[x][k]) * half[y][x][o];
            }
          }
        }
      }
      for (int64_t o = 0; o < kPanel; ++o) {
        float* to = weight + ((panel * kPanel + o) * in + i) * 9;
        for (int k = 0; k < 9; ++k) to[k] = kernel[k / 3][k % 3][o];
      }
    }
  }
}

}  // namespace cassle
#endif
