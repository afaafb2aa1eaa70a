#include "cassle/eval/cholesky.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cassle/base/thread_pool.h"

namespace cassle {
namespace {

constexpr int64_t kBlock = 32;
static_assert(kBlock % kColumnPadding == 0, "blocks start at padded columns");

}  // namespace

bool Cholesky::Factor(PaddedMatrix<double> a, int threads) {
  const int64_t n = a.rows();
  const int64_t stride = a.stride();
  for (int64_t j0 = 0; j0 < n; j0 += kBlock) {
    const int64_t width = std::min(kBlock, n - j0);
    // Left-looking: the block column minus what the columns before it explain.
    const int64_t panels = (n - j0 + kBlock - 1) / kBlock;
    ParallelFor(n > 256 ? threads : 1, panels, [&](int64_t panel) {
      const int64_t i0 = j0 + panel * kBlock;
      const int64_t height = std::min(kBlock, n - i0);
      double product[kBlock * kBlock];
      MultiplyTransposed(a.row(i0), stride, height, a.row(j0), stride, width, j0, product, kBlock);
      for (int64_t i = 0; i < height; ++i) {
        for (int64_t j = 0; j < width; ++j) a(i0 + i, j0 + j) -= product[i * kBlock + j];
      }
    });
    for (int64_t j = j0; j < j0 + width; ++j) {
      double pivot = a(j, j);
      for (int64_t k = j0; k < j; ++k) pivot -= a(j, k) * a(j, k);
      if (!(pivot > 0) || !std::isfinite(pivot)) return false;
      const double root = std::sqrt(pivot);
      a(j, j) = root;
      for (int64_t i = j + 1; i < j0 + width; ++i) {
        double sum = a(i, j);
        for (int64_t k = j0; k < j; ++k) sum -= a(i, k) * a(j, k);
        a(i, j) = sum / root;
      }
    }
    for (int64_t i = j0 + width; i < n; ++i) {
      for (int64_t j = j0; j < j0 + width; ++j) {
        double sum = a(i, j);
        for (int64_t k = j0; k < j; ++k) sum -= a(i, k) * a(j, k);
        a(i, j) = sum / a(j, j);
      }
    }
  }
  for (int64_t i = 0; i < n; ++i) std::fill(a.row(i) + i + 1, a.row(i) + stride, 0.0);
  upper_ = PaddedMatrix<double>(n, n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) upper_(j, i) = a(i, j);
  }
  lower_ = std::move(a);
  return true;
}

void Cholesky::SolveRows(PaddedMatrix<double>* rows) const {
  const int64_t n = lower_.rows();
  const int64_t m = rows->rows();
  const int64_t stride = lower_.stride();
  std::vector<double> product(kBlock * m);
  // L y = b, then L^T x = y, block by block, in place.
  for (int64_t j0 = 0; j0 < n; j0 += kBlock) {
    const int64_t width = std::min(kBlock, n - j0);
    MultiplyTransposed(lower_.row(j0), stride, width, rows->data(), rows->stride(), m, j0,
                       product.data(), m);
    for (int64_t r = 0; r < m; ++r) {
      double* y = rows->row(r) + j0;
      for (int64_t j = 0; j < width; ++j) {
        const double* l = lower_.row(j0 + j) + j0;
        double sum = y[j] - product[j * m + r];
        for (int64_t k = 0; k < j; ++k) sum -= l[k] * y[k];
        y[j] = sum / l[j];
      }
    }
  }
  for (int64_t j0 = (n - 1) / kBlock * kBlock; j0 >= 0; j0 -= kBlock) {
    const int64_t width = std::min(kBlock, n - j0);
    const int64_t after = j0 + width;
    MultiplyTransposed(upper_.row(j0) + after, stride, width, rows->data() + after, rows->stride(),
                       m, n - after, product.data(), m);
    for (int64_t r = 0; r < m; ++r) {
      double* x = rows->row(r) + j0;
      for (int64_t j = width - 1; j >= 0; --j) {
        const double* u = upper_.row(j0 + j) + j0;
        double sum = x[j] - product[j * m + r];
        for (int64_t k = j + 1; k < width; ++k) sum -= u[k] * x[k];
        x[j] = sum / u[j];
      }
    }
  }
}

}  // namespace cassle
