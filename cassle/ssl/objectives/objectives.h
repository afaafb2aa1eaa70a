// Objectives of self-supervised learning: free functions of tensors, without state or randomness.
//
// Inputs are projector outputs: they need not be normalised, and gradients flow through the
// normalisation. Everything is computed in the inputs' type; the trainer hands over float32 also
// when the networks ran in bfloat16. Each function throws c10::Error if shapes disagree.
#ifndef CASSLE_SSL_OBJECTIVES_OBJECTIVES_H_
#define CASSLE_SSL_OBJECTIVES_OBJECTIVES_H_

#include <ATen/core/Tensor.h>

namespace cassle {

// Rows of `x` [B, D] divided by their Euclidean norm (at least 1e-12). Differentiable.
at::Tensor NormalizeRows(const at::Tensor& x);

// Normalised-temperature cross entropy of SimCLR (Chen et al. 2020, eq. 1, arXiv:2002.05709).
//   z1, z2       [B, D] float; row i of both is the same image; need not be normalised.
//   temperature  > 0, no unit; 0.2 in the authors' CASSLE runs.
// Returns a scalar, the mean over all 2B anchors, in nats; log(2B-1) if all rows coincide.
// O(B^2 D) time, O(B^2) memory. No state, no randomness.
// Throws c10::Error if shapes differ or B < 2.
at::Tensor NtXentLoss(const at::Tensor& z1, const at::Tensor& z2, double temperature);

// InfoNCE against a queue of negatives, MoCo (He et al. 2020, eq. 1, arXiv:1911.05722).
//   q            [B, D] float, queries; need not be normalised.
//   k            [B, D] float, row i is the positive key of query i; need not be normalised. Hand
//                over a detached tensor: MoCo sends no gradient to the keys.
//   queue        [K, D] float, rows already normalised; negatives of every query. No gradient
//                reaches it.
//   temperature  > 0, no unit; 0.2 in MoCo-v2.
// Returns a scalar, the mean over B of -log(e^{q.k/T} / (e^{q.k/T} + sum_j e^{q.queue_j/T})), in
// nats; log(K+1) if all rows coincide. O(B K D) time, O(B K) memory. Throws c10::Error if shapes
// differ.
at::Tensor MocoLoss(const at::Tensor& q, const at::Tensor& k, const at::Tensor& queue,
                    double temperature);

// BYOL (Grill et al. 2020, eq. 2, arXiv:2006.07733, up to a constant): each view's prediction meets
// the other view's momentum projection.
//   p1, p2  [B, D] float, predictions of the online network for views 1 and 2.
//   t1, t2  [B, D] float, projections of the momentum network. No gradient reaches them.
// Returns a scalar, -2 (mean cos(p1, t2) + mean cos(p2, t1)), in [-4, 4]; the paper's loss, of
// squared distances, is 4 more. O(B D) time. Throws c10::Error if shapes differ.
at::Tensor ByolLoss(const at::Tensor& p1, const at::Tensor& p2, const at::Tensor& t1,
                    const at::Tensor& t2);

// SimSiam (Chen & He 2021, eq. 4, arXiv:2011.10566).
//   p1, p2  [B, D] float, predictions.
//   z1, z2  [B, D] float, projections. No gradient reaches them (stop-gradient): without that the
//           method collapses.
// Returns a scalar, -(mean cos(p1, z2) + mean cos(p2, z1)) / 2, in [-1, 1]. O(B D) time. Throws
// c10::Error if shapes differ.
at::Tensor SimsiamLoss(const at::Tensor& p1, const at::Tensor& p2, const at::Tensor& z1,
                       const at::Tensor& z2);

// Barlow Twins (Zbontar et al. 2021, eq. 1, arXiv:2103.03230): with C = z1^T z2 / B, the sum of
// (C_ii - 1)^2 plus off_diagonal_weight times the sum of C_ij^2 over i != j.
//   z1, z2               [B, D] float, projections; expected to be standardised over the batch by a
//                        last batch norm without weight and bias, which makes C a correlation.
//   off_diagonal_weight  >= 0; 0.0051 in the paper.
// Returns a scalar, 0 if C is the identity. O(B D^2) time, O(D^2) memory. Throws c10::Error if
// shapes differ.
at::Tensor BarlowTwinsLoss(const at::Tensor& z1, const at::Tensor& z2, double off_diagonal_weight);

// MoCo-v3 (Chen, Xie & He 2021, algorithm 1, arXiv:2104.02057): InfoNCE of queries of each view
// against the keys of the other view of the same batch, times 2T, both directions summed.
//   q1, q2       [B, D] float, predictions of the online network.
//   k1, k2       [B, D] float, projections of the momentum network. No gradient reaches them.
//   temperature  T > 0, no unit; 0.2 in the authors' runs.
// Returns a scalar; 4 T log(B) if all rows coincide. O(B^2 D) time, O(B^2) memory. Throws
// c10::Error if shapes differ.
at::Tensor MocoV3Loss(const at::Tensor& q1, const at::Tensor& q2, const at::Tensor& k1,
                      const at::Tensor& k2, double temperature);

// The variance term of VICReg for one view: the mean over the coordinates of
// max(0, 1 - sqrt(variance + 1e-4)), variances divided by B - 1.
//   z  [B, D] float, not normalised.
// Returns a scalar in [0, 0.99]; 0.99 if all rows coincide. O(B D) time. Throws c10::Error if
// B < 2.
at::Tensor VarianceHinge(const at::Tensor& z);

// What the terms of VICReg weigh; all >= 0. The defaults are the paper's.
struct VicregWeights {
  double invariance = 25;
  double variance = 25;
  double covariance = 1;
};

// VICReg (Bardes, Ponce & LeCun 2022, algorithm 1 and the authors' main_vicreg.py,
// arXiv:2105.04906): the weighted sum of
//   invariance  the mean over all entries of (z1 - z2)^2;
//   variance    VarianceHinge, the mean over the views, as in the authors' code (the paper adds
//               them);
//   covariance  the sum over i != j of C_ij^2 / D, C the covariance over the batch, views added.
// Variances and covariances divide by B - 1.
//   z1, z2  [B, D] float, projections, not normalised.
// Returns a scalar >= 0; 0.99 weights.variance if all rows coincide. O(B D min(B, D)) time,
// O(B D + min(B, D)^2) memory. Throws c10::Error if shapes differ or B < 2.
at::Tensor VicregLoss(const at::Tensor& z1, const at::Tensor& z2, const VicregWeights& weights);

}  // namespace cassle

#endif  // CASSLE_SSL_OBJECTIVES_OBJECTIVES_H_
