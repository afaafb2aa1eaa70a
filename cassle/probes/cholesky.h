// Cholesky factorisation and solves on the padded matrices of thin_products.h, for the linear
// probe's preconditioner, on the processor's widest vector unit.
//
// Not LAPACK: the bits of OpenBLAS's dpotrf change with the number of threads (1 or 2) and with
// what it takes the processor for (Haswell, Cooperlake), and the probe's would with them. It takes
// half of the time: ms of processor time, one thread of a Zen 4, Debian's OpenBLAS 0.3.21,
//
//                              n = 512   n = 2048
//   Factor                         3.7        134
//   dpotrf, as Cooperlake          2.0         79    what it chooses there
//   dpotrf, as Haswell             1.6         71
//   SolveRows of 10 rows          0.45        8.5
//   dpotrs of 10 rows             0.39        5.2
#ifndef CASSLE_PROBES_CHOLESKY_H_
#define CASSLE_PROBES_CHOLESKY_H_

#include "cassle/probes/thin_products.h"

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

#endif  // CASSLE_PROBES_CHOLESKY_H_
