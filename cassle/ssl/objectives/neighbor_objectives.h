// The objective of NNCLR (Dwibedi et al. 2021, arXiv:2104.14548): a view is compared with the
// nearest neighbour that the other view has among earlier projections, not with that view itself.
//
// Free functions without state or randomness, computed in the inputs' type. Each throws c10::Error
// if shapes disagree.
#ifndef CASSLE_SSL_OBJECTIVES_NEIGHBOR_OBJECTIVES_H_
#define CASSLE_SSL_OBJECTIVES_NEIGHBOR_OBJECTIVES_H_

#include <ATen/core/Tensor.h>

namespace cassle {

// NN(z, Q) of equation 4: for every row the row of the support set with the largest cosine.
//   z        [B, D] float, projections; need not be normalised.
//   support  [K, D] float, rows already normalised (key_queue.h).
// Returns [B, D], rows of `support`; no gradient reaches either. O(B K D) time, O(B K) memory.
at::Tensor NearestRows(const at::Tensor& z, const at::Tensor& support);

// NNCLR (equation 3 with a predictor and both directions, algorithm 1 of the appendix): with
//   L(n, p) = mean over i of -log(e^{n_i.p_i/T} / sum_k e^{n_i.p_k/T}),
// the mean of L(n1, p2) and L(n2, p1).
//   n1, n2       [B, D] float, nearest neighbours of the projections of views 1 and 2; need not be
//                normalised. No gradient reaches them.
//   p1, p2       [B, D] float, predictions from those projections; need not be normalised.
//   temperature  T > 0, no unit; 0.1 in the paper.
// Returns a scalar, in nats; log(B) if all rows coincide. O(B^2 D) time, O(B^2) memory.
at::Tensor NnclrLoss(const at::Tensor& n1, const at::Tensor& n2, const at::Tensor& p1,
                     const at::Tensor& p2, double temperature);

}  // namespace cassle

#endif  // CASSLE_SSL_OBJECTIVES_NEIGHBOR_OBJECTIVES_H_
