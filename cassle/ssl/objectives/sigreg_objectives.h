// Objectives of LeJEPA (Balestriero & LeCun 2025, arXiv:2511.08544): views are predicted by the
// mean of the global views, and SIGReg keeps the embeddings of a batch an isotropic Gaussian, by a
// test of normality along random directions.
//
// Free functions, computed in the inputs' type. Each throws c10::Error if shapes disagree.
#ifndef CASSLE_SSL_OBJECTIVES_SIGREG_OBJECTIVES_H_
#define CASSLE_SSL_OBJECTIVES_SIGREG_OBJECTIVES_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace cassle {

// Where the integral of the statistic is taken: the trapezoidal rule at `knots` points of
// [0, t_max], both ends among them; the integrand is even, so that stands for [-t_max, t_max]. The
// default is the paper's: 17 points of [-5, 5].
struct SigregQuadrature {
  double t_max = 5;
  int knots = 9;
};

// `count` (M) directions in D dimensions, Gaussian and normalised, keyed by the step alone, as in
// the paper: the same in every run and on every machine; more directions start with those of fewer.
// Returns [M, D] float32 on the processor. O(M D) time.
at::Tensor SketchDirections(int64_t count, int64_t dimension, int64_t step);

// SIGReg by the statistic of Epps and Pulley (section 4, algorithm 1): with phi_m(t) the mean over
// n of e^{i t <a_m, z_n>},
//   T_m = N integral |phi_m(t) - e^{-t^2/2}|^2 e^{-t^2/2} dt,
// the mean over m of T_m.
//   z           [N, D] float, embeddings of one view of a batch, not normalised.
//   directions  [M, D] of the same type, rows of unit length.
// Returns a scalar >= 0; N sqrt(2 pi) (1 - sqrt(2) + 1 / sqrt(3)) = 0.409 N if all rows are 0. Its
// mean over Gaussian rows is 1.06, whatever N. O(N M (D + knots)) time, O(N M knots) memory.
at::Tensor SigregLoss(const at::Tensor& z, const at::Tensor& directions,
                      const SigregQuadrature& quadrature = {});

// The prediction loss (section 5, algorithm 2): the mean over all views, rows and coordinates of
// (z_v - c)^2 with c the mean of the first `num_global` views.
//   views  each [N, D] float, embeddings of the same images; the global ones first. Gradients reach
//          all of them, through c too.
// Returns a scalar >= 0, 0 if all views coincide. O(V N D) time.
at::Tensor ViewPredictionLoss(const std::vector<at::Tensor>& views, int num_global);

}  // namespace cassle

#endif  // CASSLE_SSL_OBJECTIVES_SIGREG_OBJECTIVES_H_
