// How much features change when their images do: the measures of the authors' invariance figures
// (transfer_feature_invariance.py of github.com/gmum/CASSLE), tested against its numbers.
#ifndef CASSLE_EVAL_ON_IMAGES_INVARIANCE_H_
#define CASSLE_EVAL_ON_IMAGES_INVARIANCE_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace cassle {

// Of the authors' figures.
inline constexpr double kInvarianceTemperature = 0.2;
inline constexpr double kInvarianceOffDiagonalWeight = 0.0051;

// With f_i, g_i the features of image i before and after the change, flattened, n images:
struct InvarianceMeasures {
  // Mean cosine of f_i and g_i; 1: invariant.
  double matched = 0;
  // Mean cosine of f_i and g_(n-1-i): another image's (the middle one's own if n is odd).
  double unmatched = 0;
  // matched - unmatched.
  double difference = 0;
  // 2 T * cross entropy of picking g_i among all g by cosine / T, T = 0.2; log(n) 2 T: as good as
  // guessing.
  double info_nce = 0;
  // -matched, as self-distillation minimises it.
  double self_distillation = 0;
  // sum_k (c_kk - 1)^2 + 0.0051 sum_(k != l) c_kl^2 with c = f^T g / n: Barlow Twins' loss of
  // features that are not standardised. Its size depends on that of the features.
  double cross_correlation = 0;
};

struct InvarianceMeasure {
  const char* name;
  double InvarianceMeasures::*value;
};
// All of them with their names, in the order above.
const std::vector<InvarianceMeasure>& AllInvarianceMeasures();

// unchanged, changed  [n, ...] of the same shape; computed in double.
// O(n^2 d) time and O(n^2) memory besides a block of columns: c [d, d] is never formed.
// Throws c10::Error if the shapes differ or n < 2.
InvarianceMeasures MeasureInvariance(const at::Tensor& unchanged, const at::Tensor& changed);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_INVARIANCE_H_
