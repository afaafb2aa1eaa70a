// Matrix products with one thin factor: what a linear classifier on fixed features spends its time
// on.
//
// A matrix of features has few to many thousand columns and is read again and again; the other
// factor has one row per class. General GEMM packs the big matrix on every call; these kernels do
// not.
// SIMD width is chosen at run time (Highway), so results may differ in the last bits between
// processors with different vector units; on one machine they depend on nothing but the arguments.
#ifndef CASSLE_PROBES_THIN_PRODUCTS_H_
#define CASSLE_PROBES_THIN_PRODUCTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>

namespace cassle {

// Row strides (in elements) of all matrices here are multiples of this; the padding is zero.
constexpr int64_t kColumnPadding = 16;

inline int64_t PaddedColumns(int64_t columns) {
  return (columns + kColumnPadding - 1) / kColumnPadding * kColumnPadding;
}

// Zero-filled memory aligned to 64 bytes, row-major [rows, stride].
template <class T>
class PaddedMatrix {
 public:
  PaddedMatrix() = default;
  PaddedMatrix(int64_t rows, int64_t columns);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t stride() const { return stride_; }
  int64_t size() const { return rows_ * stride_; }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T* row(int64_t i) { return data_.get() + i * stride_; }
  const T* row(int64_t i) const { return data_.get() + i * stride_; }
  T& operator()(int64_t i, int64_t j) { return row(i)[j]; }
  T operator()(int64_t i, int64_t j) const { return row(i)[j]; }

 private:
  struct Free {
    void operator()(T* p) const;
  };
  int64_t rows_ = 0;
  int64_t columns_ = 0;
  int64_t stride_ = 0;
  std::unique_ptr<T[], Free> data_;
};

// out[r * out_stride + c] = sum over k < columns of x[r * x_stride + k] * w[c * w_stride + k].
//   columns is a multiple of kColumnPadding. Sums are made in the type of `w` and `out`.
void MultiplyTransposed(const float* x, int64_t x_stride, int64_t rows, const float* w,
                        int64_t w_stride, int64_t classes, int64_t columns, float* out,
                        int64_t out_stride);
void MultiplyTransposed(const float* x, int64_t x_stride, int64_t rows, const double* w,
                        int64_t w_stride, int64_t classes, int64_t columns, double* out,
                        int64_t out_stride);
void MultiplyTransposed(const double* x, int64_t x_stride, int64_t rows, const double* w,
                        int64_t w_stride, int64_t classes, int64_t columns, double* out,
                        int64_t out_stride);

// out[c * out_stride + k] += sum over r < rows of left[r * left_stride + c] * x[r * x_stride + k].
//   columns is a multiple of kColumnPadding. Sums are made in the type of `left` and `out`.
void AccumulateTransposed(const float* left, int64_t left_stride, const float* x, int64_t x_stride,
                          int64_t rows, int64_t classes, int64_t columns, float* out,
                          int64_t out_stride);
void AccumulateTransposed(const double* left, int64_t left_stride, const float* x, int64_t x_stride,
                          int64_t rows, int64_t classes, int64_t columns, double* out,
                          int64_t out_stride);

}  // namespace cassle

#endif  // CASSLE_PROBES_THIN_PRODUCTS_H_
