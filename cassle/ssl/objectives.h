// Objectives of self-supervised learning: free functions of tensors, without state or randomness.
//
// Inputs are projector outputs: they need not be normalised, and gradients flow through the
// normalisation. Everything is computed in the inputs' type; the trainer hands over float32 also
// when the networks ran in bfloat16. Each function throws c10::Error if shapes disagree.
#ifndef CASSLE_SSL_OBJECTIVES_H_
#define CASSLE_SSL_OBJECTIVES_H_

#include <ATen/core/Tensor.h>

namespace cassle {

// Rows of `x` [B, D] divided by their Euclidean norm (at least 1e-12). Differentiable.
at::Tensor NormalizeRows(const at::Tensor& x);

// Normalised-temperature cross entropy of SimCLR (Chen et al. 2020, eq. 1, arXiv:2002.05709).
//   z1, z2       [B, D] float; row i of both is the same image; need not be normalised.
//   temperature  > 0, no unit; 0.2 in the authors' CASSLE runs.
// Returns a scalar, the mean over all 2B anchors, in nats; log(2B-1) if all rows coincide.
// O(B^2 D) time, O(B^2) memory. No state, no randomness. Throws c10::Error if shapes differ or B
// < 2.
at::Tensor NtXentLoss(const at::Tensor& z1, const at::Tensor& z2, double temperature);

// InfoNCE against a queue of negatives, MoCo (He et al. 2020, eq. 1, arXiv:1911.05722).
//   q      [B, D] float, queries; need not be normalised.
//   k      [B, D] float, row i is the positive key of query i; need not be normalised. Hand over a
//   detached tensor:
//          MoCo sends no gradient to the keys.
//   queue  [K, D] float, rows already normalised; negatives of every query. No gradient reaches it.
//   temperature  > 0, no unit; 0.2 in MoCo-v2.
// Returns a scalar, the mean over B of -log(e^{q.k/T} / (e^{q.k/T} + sum_j e^{q.queue_j/T})), in
// nats; log(K+1) if all rows coincide. O(B K D) time, O(B K) memory. Throws c10::Error if shapes
// differ.
at::Tensor MocoLoss(const at::Tensor& q, const at::Tensor& k, const at::Tensor& queue,
                    double temperature);

// How close to collapse the projections of a batch are. All without gradient.
struct ProjectionStatistics {
  // sqrt(D) times the standard deviation over the batch of each coordinate of the normalised rows,
  // mean over coordinates and views: about 1 when the rows spread over the sphere, 0 when they all
  // coincide (collapse).
  double spread = 0;
  // Mean cosine of row i of one view with row i of the other (the same image).
  double matched_cosine = 0;
  // Mean cosine of row i of one view with rows j != i of the other; 0 if B = 1.
  double unmatched_cosine = 0;
};

// z1, z2 [B, D] float, need not be normalised. O(B D) time.
ProjectionStatistics DescribeProjections(const at::Tensor& z1, const at::Tensor& z2);

}  // namespace cassle

#endif  // CASSLE_SSL_OBJECTIVES_H_
