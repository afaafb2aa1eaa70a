#include "cassle/ssl/training/collapse.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/matmul.h>

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
namespace {

double SpreadOfNormalized(const at::Tensor& rows) {
  const double deviation = rows.std(0, /*unbiased=*/false).mean().item().toDouble();
  return deviation * std::sqrt(static_cast<double>(rows.size(1)));
}

}  // namespace

double Spread(const at::Tensor& rows) {
  at::NoGradGuard no_grad;
  return SpreadOfNormalized(NormalizeRows(rows.detach()));
}

double EffectiveRank(const at::Tensor& rows) {
  at::NoGradGuard no_grad;
  const at::Tensor values = rows.detach().to(at::kDouble);
  const at::Tensor transposed = values.transpose(0, 1);
  // Small: the processor finds its eigenvalues faster than a GPU.
  const at::Tensor gram = (values.size(0) <= values.size(1) ? at::matmul(values, transposed)
                                                            : at::matmul(transposed, values))
                              .cpu();
  if (!at::isfinite(gram).all().item().toBool()) return 0;
  const at::Tensor singular = at::linalg_eigvalsh(gram).clamp_min(0).sqrt();
  const double sum = singular.sum().item().toDouble();
  if (!(sum > 0)) return 0;
  double entropy = 0;
  const double* value = singular.data_ptr<double>();
  for (int64_t i = 0; i < singular.numel(); ++i) {
    const double share = value[i] / sum;
    if (share > 0) entropy -= share * std::log(share);
  }
  return std::exp(entropy);
}

ProjectionStatistics DescribeProjections(const at::Tensor& z1, const at::Tensor& z2) {
  at::NoGradGuard no_grad;
  const at::Tensor n1 = NormalizeRows(z1.detach());
  const at::Tensor n2 = NormalizeRows(z2.detach());
  const int64_t batch = n1.size(0);
  ProjectionStatistics statistics;
  statistics.spread = 0.5 * (SpreadOfNormalized(n1) + SpreadOfNormalized(n2));
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

absl::Status CheckCollapse(const v1::MonitorConfig& limits, const v1::TrainMetrics& metrics) {
  if (metrics.epoch() <= limits.abort_grace_epochs()) return absl::OkStatus();
  const double spread_below = limits.abort_if_spread_below();
  const double rank_below = limits.abort_if_rank_below();
  const bool narrow = spread_below > 0 && metrics.projection_spread() < spread_below;
  const bool flat =
      rank_below > 0 && metrics.has_feature_rank() && metrics.feature_rank() < rank_below;
  if (!narrow && !flat) return absl::OkStatus();
  const std::string limit =
      narrow ? absl::StrCat("the projections' spread is below --monitor.abort_if_spread_below=",
                            spread_below)
             : absl::StrCat("the features' effective rank is below --monitor.abort_if_rank_below=",
                            rank_below);
  return absl::FailedPreconditionError(absl::StrCat(
      "step ", metrics.step(), " (epoch ", metrics.epoch(), "): the encoder has collapsed: ", limit,
      " (spread ", metrics.projection_spread(), ", rank ", metrics.feature_rank(),
      ", mean cosine of matched views ", metrics.matched_cosine(), ", of others ",
      metrics.unmatched_cosine(),
      "). Start over with a lower --base_lr, more --warmup_epochs or a larger --batch_size; with a "
      "lower limit the run goes on from its last checkpoint"));
}

std::string CollapseSentence(const v1::TrainMetrics& metrics, int64_t batch_size) {
  // Equal features differ by rounding; those of an encoder that learnt anything by a hundred times
  // that, also after a ReLU.
  constexpr double kEqual = 1e-4;
  if (batch_size < 2 || !metrics.has_feature_spread() || metrics.feature_spread() > kEqual) {
    return "";
  }
  return absl::StrCat(
      "the encoder has collapsed: it gives different images the same features (feature_spread ",
      metrics.feature_spread(), " at step ", metrics.step(),
      "). Look in metrics.jsonl for the step where feature_spread and projection_spread fall, and "
      "train with a lower --base_lr, more --warmup_epochs or a larger --batch_size; "
      "--monitor.abort_if_rank_below=1.5 stops such a run early");
}

}  // namespace cassle
