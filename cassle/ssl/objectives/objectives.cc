#include "cassle/ssl/objectives/objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logaddexp.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <initializer_list>
#include <limits>

namespace cassle {
namespace {

void CheckSameShape(const char* loss, std::initializer_list<at::Tensor> tensors) {
  const at::Tensor& first = *tensors.begin();
  for (const at::Tensor& tensor : tensors) {
    TORCH_CHECK(tensor.dim() == 2 && tensor.sizes() == first.sizes(), loss,
                ": need [B, D] tensors of the same shape, got ", first.sizes(), " and ",
                tensor.sizes());
  }
}

// Mean over the rows of cos(p, target); the target is a constant.
at::Tensor MeanCosine(const at::Tensor& p, const at::Tensor& target) {
  return (NormalizeRows(p) * NormalizeRows(target.detach())).sum(1).mean();
}

// Mean over the rows of -log softmax(q k^T / T) at the diagonal; the keys are constants.
at::Tensor DiagonalCrossEntropy(const at::Tensor& q, const at::Tensor& k, double temperature) {
  const at::Tensor logits = NormalizeRows(q).mm(NormalizeRows(k.detach()).t()) / temperature;
  return (logits.logsumexp(1) - logits.diagonal()).mean();
}

// [D] of centred [B, D].
at::Tensor VariancesOf(const at::Tensor& centred) {
  return centred.pow(2).sum(0) / (centred.size(0) - 1);
}

at::Tensor HingeOf(const at::Tensor& variances) {
  return (1 - (variances + 1e-4).sqrt()).relu().mean();
}

// Variance and covariance terms of VICReg for one view.
struct VicregSpread {
  at::Tensor variance, covariance;
};

VicregSpread SpreadOf(const at::Tensor& z) {
  const int64_t batch = z.size(0), size = z.size(1);
  const at::Tensor centred = z - z.mean(0);
  const at::Tensor variances = VariancesOf(centred);
  VicregSpread spread;
  spread.variance = HingeOf(variances);
  if (2 * batch <= size) {
    // z^T z and z z^T have the same sum of squares, and the second, [B, B], is much smaller. Taking
    // the diagonal off loses no digits where the variances are alike: with so few rows the rest is
    // the larger part. One that is 10^8 times the others takes their covariances 1 % off.
    const at::Tensor products = centred.mm(centred.t()) / (batch - 1);
    spread.covariance = (products.pow(2).sum() - variances.pow(2).sum()) / size;
  } else {
    at::Tensor covariances = centred.t().mm(centred) / (batch - 1);  // [D, D]
    covariances.diagonal().zero_();
    spread.covariance = covariances.pow(2).sum() / size;
  }
  return spread;
}

}  // namespace

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

at::Tensor ByolLoss(const at::Tensor& p1, const at::Tensor& p2, const at::Tensor& t1,
                    const at::Tensor& t2) {
  CheckSameShape("ByolLoss", {p1, p2, t1, t2});
  return (MeanCosine(p1, t2) + MeanCosine(p2, t1)) * -2;
}

at::Tensor SimsiamLoss(const at::Tensor& p1, const at::Tensor& p2, const at::Tensor& z1,
                       const at::Tensor& z2) {
  CheckSameShape("SimsiamLoss", {p1, p2, z1, z2});
  return (MeanCosine(p1, z2) + MeanCosine(p2, z1)) * -0.5;
}

at::Tensor BarlowTwinsLoss(const at::Tensor& z1, const at::Tensor& z2, double off_diagonal_weight) {
  CheckSameShape("BarlowTwinsLoss", {z1, z2});
  at::Tensor correlation = z1.t().mm(z2) / z1.size(0);  // [D, D]
  const at::Tensor on_diagonal = (correlation.diagonal() - 1).pow(2).sum();
  // In place: a second [8192, 8192] tensor would cost 268 MB.
  correlation.diagonal().zero_();
  return on_diagonal + correlation.pow(2).sum() * off_diagonal_weight;
}

at::Tensor MocoV3Loss(const at::Tensor& q1, const at::Tensor& q2, const at::Tensor& k1,
                      const at::Tensor& k2, double temperature) {
  CheckSameShape("MocoV3Loss", {q1, q2, k1, k2});
  return (DiagonalCrossEntropy(q1, k2, temperature) + DiagonalCrossEntropy(q2, k1, temperature)) *
         (2 * temperature);
}

at::Tensor VarianceHinge(const at::Tensor& z) {
  TORCH_CHECK(z.dim() == 2 && z.size(0) >= 2,
              "VarianceHinge: a variance needs two rows or more, got ", z.sizes());
  return HingeOf(VariancesOf(z - z.mean(0)));
}

at::Tensor VicregLoss(const at::Tensor& z1, const at::Tensor& z2, const VicregWeights& weights) {
  CheckSameShape("VicregLoss", {z1, z2});
  TORCH_CHECK(z1.size(0) >= 2, "VicregLoss: a variance needs two rows or more, got ", z1.sizes());
  const VicregSpread spread1 = SpreadOf(z1), spread2 = SpreadOf(z2);
  return (z1 - z2).pow(2).mean() * weights.invariance +
         (spread1.variance + spread2.variance) * (0.5 * weights.variance) +
         (spread1.covariance + spread2.covariance) * weights.covariance;
}

}  // namespace cassle
