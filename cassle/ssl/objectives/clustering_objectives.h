// Objectives over soft cluster assignments: SwAV and DINO. Losses take and give float32 (float64 in
// tests), also when the networks ran in bfloat16. Each function throws c10::Error if shapes
// disagree.
#ifndef CASSLE_SSL_OBJECTIVES_CLUSTERING_OBJECTIVES_H_
#define CASSLE_SSL_OBJECTIVES_CLUSTERING_OBJECTIVES_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace cassle {

// Soft assignments of rows to clusters of equal size (Cuturi 2013, arXiv:1306.0895, as in Caron et
// al. 2020, section 3, arXiv:2006.09882): exp(scores / epsilon), whose columns are scaled to equal
// sums and then its rows to sum 1, `iterations` times.
//   scores      [N, K] float, of row and cluster; only differences within a row and within a column
//               count.
//   epsilon     > 0, in units of the scores: smaller is sharper.
//   iterations  >= 1. Rows sum to 1 always; columns to N / K in the limit.
// Computes with logarithms, so any finite scores give finite assignments. Without gradient.
// O(N K iterations).
at::Tensor SinkhornAssignments(const at::Tensor& scores, double epsilon, int64_t iterations);

// Every view foretells the assignments of the others: the mean over all pairs of a target i and a
// view v != i, and over rows, of the cross entropy -sum_k targets[i]_k log softmax(logits[v])_k
// (Caron et al. 2020, eq. 2 with multi-crop; Caron et al. 2021, eq. 3, arXiv:2104.14294).
//   targets  T tensors [B, K] of views 1 .. T, rows sum to 1; constants.
//   logits   V tensors [B, K], V >= 2, V >= T >= 1; divided by their temperature.
// Returns a scalar, in nats; log(K) if all logits of a row are equal. O(V B K).
at::Tensor CrossViewLoss(const std::vector<at::Tensor>& targets,
                         const std::vector<at::Tensor>& logits);

}  // namespace cassle

#endif  // CASSLE_SSL_OBJECTIVES_CLUSTERING_OBJECTIVES_H_
