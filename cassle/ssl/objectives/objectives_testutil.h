// Random inputs and finite differences: what the tests of objectives share.
#ifndef CASSLE_SSL_OBJECTIVES_OBJECTIVES_TESTUTIL_H_
#define CASSLE_SSL_OBJECTIVES_OBJECTIVES_TESTUTIL_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <functional>

#include "cassle/base/philox.h"
#include "gtest/gtest.h"

namespace cassle {

inline double Value(const at::Tensor& scalar) { return scalar.item().toDouble(); }

// Gaussian rows of length sqrt(cols) or so, float64.
inline at::Tensor RandomMatrix(int64_t rows, int64_t cols, uint64_t seed) {
  at::Tensor matrix = at::empty({rows, cols}, at::kDouble);
  Philox random(StreamKey{seed});
  for (int64_t i = 0; i < matrix.numel(); ++i) matrix.data_ptr<double>()[i] = random.NextGaussian();
  return matrix;
}

// Compares the gradient of `loss` at `x` (float64) with central differences, entry by entry. They
// err by step^2 times the third derivative, and by rounding / step: about 1e-10 each of a loss that
// is not steep.
inline void ExpectGradientIsRight(const at::Tensor& x, const std::function<at::Tensor()>& loss,
                                  double tolerance = 1e-8) {
  x.requires_grad_();
  loss().backward();
  const at::Tensor gradient = x.grad().clone();
  x.requires_grad_(false);
  constexpr double kStep = 1e-5;
  for (int64_t i = 0; i < x.numel(); ++i) {
    double* entry = x.data_ptr<double>() + i;
    const double saved = *entry;
    *entry = saved + kStep;
    const double above = Value(loss());
    *entry = saved - kStep;
    const double below = Value(loss());
    *entry = saved;
    EXPECT_NEAR(gradient.data_ptr<double>()[i], (above - below) / (2 * kStep), tolerance)
        << "entry " << i;
  }
}

}  // namespace cassle

#endif  // CASSLE_SSL_OBJECTIVES_OBJECTIVES_TESTUTIL_H_
