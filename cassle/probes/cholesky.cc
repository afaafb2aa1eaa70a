#include "cassle/probes/cholesky.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/functional/function_ref.h"
#include "cassle/base/thread_pool.h"

namespace cassle {
namespace {

constexpr int64_t kBlock = 32;
static_assert(kBlock % kColumnPadding == 0, "blocks start at padded columns");

// The lower triangle [size, size] at `block` becomes its Cholesky factor; false if it has none.
bool FactorBlock(double* block, int64_t stride, int64_t size) {
  for (int64_t j = 0; j < size; ++j) {
    const double* row = block + j * stride;
    double pivot = row[j];
    for (int64_t k = 0; k < j; ++k) pivot -= row[k] * row[k];
    if (!(pivot > 0) || !std::isfinite(pivot)) return false;
    const double root = std::sqrt(pivot);
    block[j * stride + j] = root;
    for (int64_t i = j + 1; i < size; ++i) {
      double sum = block[i * stride + j];
      for (int64_t k = 0; k < j; ++k) sum -= block[i * stride + k] * row[k];
      block[i * stride + j] = sum / root;
    }
  }
  return true;
}

// inverse [size, kBlock] = the inverse of the lower triangle at `block`, zeros above its diagonal.
void InvertBlock(const double* block, int64_t stride, int64_t size, double* inverse) {
  std::fill(inverse, inverse + size * kBlock, 0.0);
  for (int64_t i = 0; i < size; ++i) {
    const double* row = block + i * stride;
    double* out = inverse + i * kBlock;
    for (int64_t k = 0; k < i; ++k) {
      for (int64_t j = 0; j <= k; ++j) out[j] -= row[k] * inverse[k * kBlock + j];
    }
    for (int64_t j = 0; j < i; ++j) out[j] /= row[i];
    out[i] = 1 / row[i];
  }
}

}  // namespace

bool Cholesky::Factor(PaddedMatrix<double> a, int threads) {
  const int64_t n = a.rows();
  const int64_t stride = a.stride();
  for (int64_t j0 = 0; j0 < n; j0 += kBlock) {
    const int64_t width = std::min(kBlock, n - j0);
    const auto for_panels = [&](int64_t first, absl::FunctionRef<void(int64_t, int64_t)> f) {
      const int64_t panels = (n - first + kBlock - 1) / kBlock;
      ParallelFor(n > 256 ? threads : 1, panels, [&](int64_t panel) {
        const int64_t i0 = first + panel * kBlock;
        f(i0, std::min(kBlock, n - i0));
      });
    };
    // Left-looking: the block column minus what the columns before it explain.
    for_panels(j0, [&](int64_t i0, int64_t height) {
      double product[kBlock * kBlock];
      MultiplyTransposed(a.row(i0), stride, height, a.row(j0), stride, width, j0, product, kBlock);
      for (int64_t i = 0; i < height; ++i) {
        for (int64_t j = 0; j < width; ++j) a(i0 + i, j0 + j) -= product[i * kBlock + j];
      }
    });
    if (!FactorBlock(a.row(j0) + j0, stride, width)) return false;
    double inverse[kBlock * kBlock];
    InvertBlock(a.row(j0) + j0, stride, width, inverse);
    for_panels(j0 + width, [&](int64_t i0, int64_t height) {
      double product[kBlock * kBlock];
      MultiplyTransposed(a.row(i0) + j0, stride, height, inverse, kBlock, width, width, product,
                         kBlock);
      for (int64_t i = 0; i < height; ++i) {
        std::copy_n(product + i * kBlock, width, a.row(i0 + i) + j0);
      }
    });
    for (int64_t i = 0; i < width; ++i) {
      std::copy_n(inverse + i * kBlock, width, a.row(j0 + i) + j0);
      std::fill(a.row(j0 + i) + j0 + width, a.row(j0 + i) + stride, 0.0);
    }
  }
  upper_ = PaddedMatrix<double>(n, n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) upper_(j, i) = a(i, j);
  }
  lower_ = std::move(a);
  return true;
}

void Cholesky::SolveRows(int threads, PaddedMatrix<double>* rows) const {
  // Whole tiles of MultiplyTransposed, which takes four rows at a time.
  constexpr int64_t kRows = 4;
  const int64_t groups = (rows->rows() + kRows - 1) / kRows;
  ParallelFor(threads, groups, [&](int64_t group) {
    const int64_t first = group * kRows;
    Solve(std::min(kRows, rows->rows() - first), rows->stride(), rows->row(first));
  });
}

void Cholesky::Solve(int64_t m, int64_t rows_stride, double* rows) const {
  const int64_t n = lower_.rows();
  std::vector<double> right(m * kBlock);
  std::vector<double> product(kBlock * m);
  // One block of unknowns: what the columns [begin, end) of `factor` explain is taken off, and the
  // inverted diagonal block gives the rest.
  const auto solve_block = [&](const PaddedMatrix<double>& factor, int64_t j0, int64_t begin,
                               int64_t end) {
    const int64_t width = std::min(kBlock, n - j0);
    MultiplyTransposed(factor.row(j0) + begin, factor.stride(), width, rows + begin, rows_stride, m,
                       end - begin, product.data(), m);
    for (int64_t r = 0; r < m; ++r) {
      for (int64_t j = 0; j < width; ++j) {
        right[r * kBlock + j] = rows[r * rows_stride + j0 + j] - product[j * m + r];
      }
    }
    MultiplyTransposed(factor.row(j0) + j0, factor.stride(), width, right.data(), kBlock, m, width,
                       product.data(), m);
    for (int64_t r = 0; r < m; ++r) {
      for (int64_t j = 0; j < width; ++j) rows[r * rows_stride + j0 + j] = product[j * m + r];
    }
  };
  // L y = b, then L^T x = y, in place.
  for (int64_t j0 = 0; j0 < n; j0 += kBlock) solve_block(lower_, j0, 0, j0);
  for (int64_t j0 = (n - 1) / kBlock * kBlock; j0 >= 0; j0 -= kBlock) {
    solve_block(upper_, j0, std::min(j0 + kBlock, n), n);
  }
}

}  // namespace cassle
