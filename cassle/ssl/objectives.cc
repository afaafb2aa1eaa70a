#include "cassle/ssl/objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logaddexp.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <limits>

namespace cassle {

at::Tensor NormalizeRows(const at::Tensor& x) {
  return x / x.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

at::Tensor NtXentLoss(const at::Tensor& z1, const at::Tensor& z2, double temperature) {
  TORCH_CHECK(z1.dim() == 2 && z1.sizes() == z2.sizes() && z1.size(0) >= 2,
              "NtXentLoss: need two [B, D] tensors of the same shape with B >= 2, got ", z1.sizes(),
              " and ", z2.sizes());
  const int64_t batch = z1.size(0);
  const at::Tensor z = NormalizeRows(at::cat({z1, z2}));  // [2B, D]
  at::Tensor logits = z.mm(z.t()) / temperature;          // [2B, 2B]
  // The positive of anchor i is i + B, and the other way round: the two diagonals B away from the
  // main one.
  const at::Tensor positives = at::cat({logits.diagonal(batch), logits.diagonal(-batch)});  // [2B]
  logits.diagonal().fill_(-std::numeric_limits<double>::infinity());
  return (logits.logsumexp(1) - positives).mean();
}

at::Tensor MocoLoss(const at::Tensor& q, const at::Tensor& k, const at::Tensor& queue,
                    double temperature) {
  TORCH_CHECK(
      q.dim() == 2 && q.sizes() == k.sizes() && queue.dim() == 2 && queue.size(1) == q.size(1),
      "MocoLoss: need [B, D] queries and keys and a [K, D] queue, got ", q.sizes(), ", ", k.sizes(),
      " and ", queue.sizes());
  // The division by the temperature is done on [B, D] instead of on [B, K].
  const at::Tensor scaled = NormalizeRows(q) / temperature;         // [B, D]
  const at::Tensor positives = (scaled * NormalizeRows(k)).sum(1);  // [B]
  const at::Tensor negatives = scaled.mm(queue.t()).logsumexp(1);   // [B]
  return (at::logaddexp(positives, negatives) - positives).mean();
}

ProjectionStatistics DescribeProjections(const at::Tensor& z1, const at::Tensor& z2) {
  at::NoGradGuard no_grad;
  const at::Tensor n1 = NormalizeRows(z1.detach());
  const at::Tensor n2 = NormalizeRows(z2.detach());
  const int64_t batch = n1.size(0);
  ProjectionStatistics statistics;
  const double std1 = n1.std(0, /*unbiased=*/false).mean().item().toDouble();
  const double std2 = n2.std(0, /*unbiased=*/false).mean().item().toDouble();
  statistics.spread = 0.5 * (std1 + std2) * std::sqrt(static_cast<double>(n1.size(1)));
  const double matched_sum = (n1 * n2).sum().item().toDouble();
  statistics.matched_cosine = matched_sum / batch;
  // The sum over all pairs is the product of the sums.
  const double all_sum = n1.sum(0).dot(n2.sum(0)).item().toDouble();
  if (batch > 1) {
    statistics.unmatched_cosine =
        (all_sum - matched_sum) / (static_cast<double>(batch) * (batch - 1));
  }
  return statistics;
}

}  // namespace cassle
