// The objective of SIE (Garrido, Najman & LeCun 2023, arXiv:2302.10283): VICReg's on one part of
// the projections, prediction of view 2 from view 1 on the other.
//
// A free function, computed in the inputs' type.
#ifndef CASSLE_SSL_OBJECTIVES_SIE_OBJECTIVES_H_
#define CASSLE_SSL_OBJECTIVES_SIE_OBJECTIVES_H_

#include <ATen/core/Tensor.h>

namespace cassle {

// What the terms of SIE weigh; all >= 0. The defaults are the authors'.
struct SieWeights {
  double invariance = 10;
  double equivariance = 4.5;
  double variance = 10;
  double covariance = 1;
};

// SIE (section 4, and the authors' models.py): the weighted sum of
//   invariance    the mean over all entries of (a_1 - a_2)^2;
//   equivariance  the mean over all entries of (p - b_2)^2;
//   variance      VICReg's hinge (objectives.h) averaged over z_1 and z_2, plus half that of p;
//   covariance    VICReg's, of z_1 and z_2: the two parts shall not say the same.
//   z1, z2       [B, P] float, projections, not normalised; z_v = [a_v, b_v], b_v the last Q
//                columns.
//   predictions  [B, Q] p, of b_2. Gradients reach all three.
// Returns a scalar >= 0; 1.485 weights.variance if all rows coincide, and p with b_2.
// O(B P min(B, P)) time, O(B P + min(B, P)^2) memory. Throws c10::Error if shapes disagree, B < 2
// or Q >= P.
at::Tensor SieLoss(const at::Tensor& z1, const at::Tensor& z2, const at::Tensor& predictions,
                   const SieWeights& weights);

}  // namespace cassle

#endif  // CASSLE_SSL_OBJECTIVES_SIE_OBJECTIVES_H_
