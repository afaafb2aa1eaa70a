// How close to collapse an encoder is: numbers of one batch, without labels, and the limits at
// which a run stops by itself. All without gradient.
#ifndef CASSLE_SSL_TRAINING_COLLAPSE_H_
#define CASSLE_SSL_TRAINING_COLLAPSE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "cassle/ssl/settings/monitor.pb.h"
#include "cassle/training_log/metrics.pb.h"

namespace cassle {

// sqrt(D) times the standard deviation over the rows of each coordinate of the normalised rows,
// mean over coordinates: about 1 when the rows spread over the sphere, 0 when they all point one
// way. Rows without negative values, such as features after a ReLU, stay well below 1.
//   rows  [B, D] float, need not be normalised. O(B D) time.
double Spread(const at::Tensor& rows);

// The effective rank of a matrix, exp of the entropy of its singular values divided by their sum
// (Roy & Vetterli 2007; RankMe, Garrido et al. 2023, arXiv:2210.02885): between 1 (all rows
// multiples of one) and min(B, D). Not centred. Computed in float64 from the smaller of the two
// Gram matrices, so singular values below 1e-8 of the largest count as rounding errors do.
//   rows  [B, D] float; at least one row. 0 if all values are zero or one is not finite.
// O(B D m + m^3) time, m = min(B, D).
double EffectiveRank(const at::Tensor& rows);

// How far apart the projections of the two views of images are.
struct ProjectionStatistics {
  // Mean of Spread() over the views.
  double spread = 0;
  // Mean cosine of row i of one view with row i of the other (the same image).
  double matched_cosine = 0;
  // Mean cosine of row i of one view with rows j != i of the other; 0 if B = 1.
  double unmatched_cosine = 0;
};

// z1, z2 [B, D] float, need not be normalised. O(B D) time.
ProjectionStatistics DescribeProjections(const at::Tensor& z1, const at::Tensor& z2);

// \error kFailedPrecondition naming step, values and limit if `metrics` is below a limit: one of
// limits.abort_*.
absl::Status CheckCollapse(const v1::MonitorConfig& limits, const v1::TrainMetrics& metrics);

// A sentence if the features of different images were the same at the end; empty otherwise, and
// where `metrics` cannot tell: of one image, or without features.
std::string CollapseSentence(const v1::TrainMetrics& metrics, int64_t batch_size);

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_COLLAPSE_H_
