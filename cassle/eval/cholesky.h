// Cholesky factorisation and solves on the padded matrices of thin_products.h, so that the linear
// probe's preconditioner runs on the processor's widest vector unit without a LAPACK.
#ifndef CASSLE_EVAL_CHOLESKY_H_
#define CASSLE_EVAL_CHOLESKY_H_

#include "cassle/eval/thin_products.h"

namespace cassle {

// A = L L^T of a symmetric positive definite matrix of size n, n a multiple of kColumnPadding.
class Cholesky {
 public:
  // Factors `a` [n, n]; only its lower triangle is read. False, and nothing to solve with, if a
  // pivot is not positive. n^3 / 3 multiply-adds; the result does not depend on `threads`.
  bool Factor(PaddedMatrix<double> a, int threads);

  // Each row b of `rows` [m, n] becomes A^-1 b. 2 m n^2 multiply-adds; the result does not depend
  // on `threads`.
  void SolveRows(int threads, PaddedMatrix<double>* rows) const;

 private:
  // `m` rows below each other.
  void Solve(int64_t m, int64_t rows_stride, double* rows) const;

  // L with its diagonal blocks inverted: solving is then products alone.
  PaddedMatrix<double> lower_;
  // The transpose of lower_: both triangular solves then read rows.
  PaddedMatrix<double> upper_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_CHOLESKY_H_
