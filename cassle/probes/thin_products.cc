#include "cassle/probes/thin_products.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/probes/thin_products.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::CappedTag<float, kColumnPadding>;
using DoubleTag = hn::CappedTag<double, kColumnPadding / 2>;
template <class T>
using TagOf = std::conditional_t<std::is_same_v<T, float>, FloatTag, DoubleTag>;

template <class T>
HWY_INLINE auto LoadAs(TagOf<T> tag, const T* from) {
  return hn::LoadU(tag, from);
}
HWY_INLINE auto LoadAs(DoubleTag tag, const float* from) {
  return hn::PromoteTo(tag, hn::LoadU(hn::Rebind<float, DoubleTag>(), from));
}

// R rows times C classes: all R * C sums stay in registers.
template <int R, int C, class X, class T>
HWY_INLINE void MultiplyTile(const X* HWY_RESTRICT x, int64_t x_stride, const T* HWY_RESTRICT w,
                             int64_t w_stride, int64_t columns, T* HWY_RESTRICT out,
                             int64_t out_stride) {
  const TagOf<T> tag;
  using V = hn::Vec<TagOf<T>>;
  const int64_t lanes = hn::Lanes(tag);
  V s00 = hn::Zero(tag), s01 = s00, s02 = s00, s03 = s00;
  V s10 = s00, s11 = s00, s12 = s00, s13 = s00;
  V s20 = s00, s21 = s00, s22 = s00, s23 = s00;
  for (int64_t k = 0; k < columns; k += lanes) {
    const V x0 = LoadAs(tag, x + k);
    const V x1 = R > 1 ? LoadAs(tag, x + x_stride + k) : x0;
    const V x2 = R > 2 ? LoadAs(tag, x + 2 * x_stride + k) : x0;
    V v = hn::LoadU(tag, w + k);
    s00 = hn::MulAdd(x0, v, s00);
    if (R > 1) s10 = hn::MulAdd(x1, v, s10);
    if (R > 2) s20 = hn::MulAdd(x2, v, s20);
    if (C > 1) {
      v = hn::LoadU(tag, w + w_stride + k);
      s01 = hn::MulAdd(x0, v, s01);
      if (R > 1) s11 = hn::MulAdd(x1, v, s11);
      if (R > 2) s21 = hn::MulAdd(x2, v, s21);
    }
    if (C > 2) {
      v = hn::LoadU(tag, w + 2 * w_stride + k);
      s02 = hn::MulAdd(x0, v, s02);
      if (R > 1) s12 = hn::MulAdd(x1, v, s12);
      if (R > 2) s22 = hn::MulAdd(x2, v, s22);
    }
    if (C > 3) {
      v = hn::LoadU(tag, w + 3 * w_stride + k);
      s03 = hn::MulAdd(x0, v, s03);
      if (R > 1) s13 = hn::MulAdd(x1, v, s13);
      if (R > 2) s23 = hn::MulAdd(x2, v, s23);
    }
  }
  const auto sum = [tag](V v) { return hn::GetLane(hn::SumOfLanes(tag, v)); };
  const auto store = [&](int r, V a, V b, V c, V d) {
    T* to = out + r * out_stride;
    to[0] = sum(a);
    if (C > 1) to[1] = sum(b);
    if (C > 2) to[2] = sum(c);
    if (C > 3) to[3] = sum(d);
  };
  store(0, s00, s01, s02, s03);
  if (R > 1) store(1, s10, s11, s12, s13);
  if (R > 2) store(2, s20, s21, s22, s23);
}

template <int R, class X, class T>
HWY_INLINE void MultiplyRows(const X* x, int64_t x_stride, const T* w, int64_t w_stride,
                             int64_t classes, int64_t columns, T* out, int64_t out_stride) {
  int64_t c = 0;
  for (; c + 4 <= classes; c += 4) {
    MultiplyTile<R, 4>(x, x_stride, w + c * w_stride, w_stride, columns, out + c, out_stride);
  }
  w += c * w_stride;
  out += c;
  switch (classes - c) {
    case 3:
      return MultiplyTile<R, 3>(x, x_stride, w, w_stride, columns, out, out_stride);
    case 2:
      return MultiplyTile<R, 2>(x, x_stride, w, w_stride, columns, out, out_stride);
    case 1:
      return MultiplyTile<R, 1>(x, x_stride, w, w_stride, columns, out, out_stride);
    default:
      return;
  }
}

template <class X, class T>
void MultiplyImpl(const X* x, int64_t x_stride, int64_t rows, const T* w, int64_t w_stride,
                  int64_t classes, int64_t columns, T* out, int64_t out_stride) {
  int64_t r = 0;
  for (; r + 3 <= rows; r += 3) {
    MultiplyRows<3>(x + r * x_stride, x_stride, w, w_stride, classes, columns, out + r * out_stride,
                    out_stride);
  }
  for (; r < rows; ++r) {
    MultiplyRows<1>(x + r * x_stride, x_stride, w, w_stride, classes, columns, out + r * out_stride,
                    out_stride);
  }
}

// C classes times V vectors of columns, all rows.
template <int C, int V, class X, class T>
HWY_INLINE void AccumulateTile(const T* HWY_RESTRICT left, int64_t left_stride,
                               const X* HWY_RESTRICT x, int64_t x_stride, int64_t rows,
                               T* HWY_RESTRICT out, int64_t out_stride) {
  const TagOf<T> tag;
  using Vec = hn::Vec<TagOf<T>>;
  const int64_t n = hn::Lanes(tag);
  const auto begin = [&](int c, int v) {
    return c < C && v < V ? hn::LoadU(tag, out + c * out_stride + v * n) : hn::Zero(tag);
  };
  Vec s00 = begin(0, 0), s01 = begin(0, 1), s02 = begin(0, 2);
  Vec s10 = begin(1, 0), s11 = begin(1, 1), s12 = begin(1, 2);
  Vec s20 = begin(2, 0), s21 = begin(2, 1), s22 = begin(2, 2);
  Vec s30 = begin(3, 0), s31 = begin(3, 1), s32 = begin(3, 2);
  for (int64_t r = 0; r < rows; ++r, x += x_stride, left += left_stride) {
    const Vec x0 = LoadAs(tag, x);
    const Vec x1 = V > 1 ? LoadAs(tag, x + n) : x0;
    const Vec x2 = V > 2 ? LoadAs(tag, x + 2 * n) : x0;
    Vec l = hn::Set(tag, left[0]);
    s00 = hn::MulAdd(l, x0, s00);
    if (V > 1) s01 = hn::MulAdd(l, x1, s01);
    if (V > 2) s02 = hn::MulAdd(l, x2, s02);
    if (C > 1) {
      l = hn::Set(tag, left[1]);
      s10 = hn::MulAdd(l, x0, s10);
      if (V > 1) s11 = hn::MulAdd(l, x1, s11);
      if (V > 2) s12 = hn::MulAdd(l, x2, s12);
    }
    if (C > 2) {
      l = hn::Set(tag, left[2]);
      s20 = hn::MulAdd(l, x0, s20);
      if (V > 1) s21 = hn::MulAdd(l, x1, s21);
      if (V > 2) s22 = hn::MulAdd(l, x2, s22);
    }
    if (C > 3) {
      l = hn::Set(tag, left[3]);
      s30 = hn::MulAdd(l, x0, s30);
      if (V > 1) s31 = hn::MulAdd(l, x1, s31);
      if (V > 2) s32 = hn::MulAdd(l, x2, s32);
    }
  }
  const auto end = [&](int c, int v, Vec value) {
    if (c < C && v < V) hn::StoreU(value, tag, out + c * out_stride + v * n);
  };
  end(0, 0, s00), end(0, 1, s01), end(0, 2, s02);
  end(1, 0, s10), end(1, 1, s11), end(1, 2, s12);
  end(2, 0, s20), end(2, 1, s21), end(2, 2, s22);
  end(3, 0, s30), end(3, 1, s31), end(3, 2, s32);
}

template <int C, class X, class T>
HWY_INLINE void AccumulateClasses(const T* left, int64_t left_stride, const X* x, int64_t x_stride,
                                  int64_t rows, int64_t columns, T* out, int64_t out_stride) {
  const int64_t n = hn::Lanes(TagOf<T>());
  int64_t k = 0;
  for (; k + 3 * n <= columns; k += 3 * n) {
    AccumulateTile<C, 3>(left, left_stride, x + k, x_stride, rows, out + k, out_stride);
  }
  for (; k < columns; k += n) {
    AccumulateTile<C, 1>(left, left_stride, x + k, x_stride, rows, out + k, out_stride);
  }
}

template <class X, class T>
void AccumulateImpl(const T* left, int64_t left_stride, const X* x, int64_t x_stride, int64_t rows,
                    int64_t classes, int64_t columns, T* out, int64_t out_stride) {
  int64_t c = 0;
  for (; c + 4 <= classes; c += 4) {
    AccumulateClasses<4>(left + c, left_stride, x, x_stride, rows, columns, out + c * out_stride,
                         out_stride);
  }
  left += c;
  out += c * out_stride;
  switch (classes - c) {
    case 3:
      return AccumulateClasses<3>(left, left_stride, x, x_stride, rows, columns, out, out_stride);
    case 2:
      return AccumulateClasses<2>(left, left_stride, x, x_stride, rows, columns, out, out_stride);
    case 1:
      return AccumulateClasses<1>(left, left_stride, x, x_stride, rows, columns, out, out_stride);
    default:
      return;
  }
}

// Highway exports plain functions only, so each instantiation gets a name.
void MultiplyFF(const float* x, int64_t xs, int64_t rows, const float* w, int64_t ws,
                int64_t classes, int64_t columns, float* out, int64_t os) {
  MultiplyImpl(x, xs, rows, w, ws, classes, columns, out, os);
}
void MultiplyFD(const float* x, int64_t xs, int64_t rows, const double* w, int64_t ws,
                int64_t classes, int64_t columns, double* out, int64_t os) {
  MultiplyImpl(x, xs, rows, w, ws, classes, columns, out, os);
}
void MultiplyDD(const double* x, int64_t xs, int64_t rows, const double* w, int64_t ws,
                int64_t classes, int64_t columns, double* out, int64_t os) {
  MultiplyImpl(x, xs, rows, w, ws, classes, columns, out, os);
}
void AccumulateFF(const float* left, int64_t ls, const float* x, int64_t xs, int64_t rows,
                  int64_t classes, int64_t columns, float* out, int64_t os) {
  AccumulateImpl(left, ls, x, xs, rows, classes, columns, out, os);
}
void AccumulateFD(const double* left, int64_t ls, const float* x, int64_t xs, int64_t rows,
                  int64_t classes, int64_t columns, double* out, int64_t os) {
  AccumulateImpl(left, ls, x, xs, rows, classes, columns, out, os);
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cassle {

HWY_EXPORT(MultiplyFF);
HWY_EXPORT(MultiplyFD);
HWY_EXPORT(MultiplyDD);
HWY_EXPORT(AccumulateFF);
HWY_EXPORT(AccumulateFD);

void MultiplyTransposed(const float* x, int64_t xs, int64_t rows, const float* w, int64_t ws,
                        int64_t classes, int64_t columns, float* out, int64_t os) {
  HWY_DYNAMIC_DISPATCH(MultiplyFF)(x, xs, rows, w, ws, classes, columns, out, os);
}
void MultiplyTransposed(const float* x, int64_t xs, int64_t rows, const double* w, int64_t ws,
                        int64_t classes, int64_t columns, double* out, int64_t os) {
  HWY_DYNAMIC_DISPATCH(MultiplyFD)(x, xs, rows, w, ws, classes, columns, out, os);
}
void MultiplyTransposed(const double* x, int64_t xs, int64_t rows, const double* w, int64_t ws,
                        int64_t classes, int64_t columns, double* out, int64_t os) {
  HWY_DYNAMIC_DISPATCH(MultiplyDD)(x, xs, rows, w, ws, classes, columns, out, os);
}
void AccumulateTransposed(const float* left, int64_t ls, const float* x, int64_t xs, int64_t rows,
                          int64_t classes, int64_t columns, float* out, int64_t os) {
  HWY_DYNAMIC_DISPATCH(AccumulateFF)(left, ls, x, xs, rows, classes, columns, out, os);
}
void AccumulateTransposed(const double* left, int64_t ls, const float* x, int64_t xs, int64_t rows,
                          int64_t classes, int64_t columns, double* out, int64_t os) {
  HWY_DYNAMIC_DISPATCH(AccumulateFD)(left, ls, x, xs, rows, classes, columns, out, os);
}

template <class T>
PaddedMatrix<T>::PaddedMatrix(int64_t rows, int64_t columns)
    : rows_(rows), columns_(columns), stride_(PaddedColumns(columns)) {
  const size_t bytes = std::max<size_t>(64, (rows_ * stride_ * sizeof(T) + 63) / 64 * 64);
  data_.reset(static_cast<T*>(std::aligned_alloc(64, bytes)));
  if (data_ == nullptr) throw std::bad_alloc();
  std::memset(data_.get(), 0, bytes);
}

template <class T>
void PaddedMatrix<T>::Free::operator()(T* p) const {
  std::free(p);
}

template class PaddedMatrix<float>;
template class PaddedMatrix<double>;

}  // namespace cassle
#endif  // HWY_ONCE
