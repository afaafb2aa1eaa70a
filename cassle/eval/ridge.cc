#include "cassle/eval/ridge.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "cassle/eval/cholesky.h"
#include "cassle/eval/thin_products.h"

namespace cassle {

RidgeRegression::RidgeRegression(const at::Tensor& features, const at::Tensor& targets)
    : mean_(features.mean(0)), target_mean_(targets.mean(0)) {
  const at::Tensor deviation = (features - mean_).square().mean(0).sqrt();
  scale_ = at::where(deviation > 0, 1 / deviation, at::zeros_like(deviation));
  const at::Tensor z = Standardized(features);
  const double n = static_cast<double>(features.size(0));
  gram_ = (z.t().mm(z) / n).contiguous();
  products_ = ((targets - target_mean_).t().mm(z) / n).contiguous();
}

at::Tensor RidgeRegression::Standardized(const at::Tensor& features) const {
  return (features - mean_) * scale_;
}

void RidgeRegression::Fit(double w) {
  const int64_t d = gram_.size(0), k = products_.size(0);
  const int64_t padded = PaddedColumns(d);
  PaddedMatrix<double> system(padded, padded);
  PaddedMatrix<double> rows(k, padded);
  const double* gram = gram_.data_ptr<double>();
  for (int64_t i = 0; i < d; ++i) {
    std::copy(gram + i * d, gram + (i + 1) * d, system.row(i));
    system(i, i) += w;
  }
  for (int64_t i = d; i < padded; ++i) system(i, i) = 1;
  const double* products = products_.data_ptr<double>();
  for (int64_t i = 0; i < k; ++i) {
    std::copy(products + i * d, products + (i + 1) * d, rows.row(i));
  }
  Cholesky cholesky;
  TORCH_CHECK(cholesky.Factor(std::move(system), /*threads=*/1),
              "ridge regression: the equations are not positive definite at w = ", w);
  cholesky.SolveRows(/*threads=*/1, &rows);
  weights_ = at::empty({k, d}, at::kDouble);
  for (int64_t i = 0; i < k; ++i) {
    std::copy(rows.row(i), rows.row(i) + d, weights_.data_ptr<double>() + i * d);
  }
}

at::Tensor RidgeRegression::Predict(const at::Tensor& features) const {
  return Standardized(features).mm(weights_.t()) + target_mean_;
}

std::vector<double> CoefficientsOfDetermination(const at::Tensor& predictions,
                                                const at::Tensor& targets) {
  const at::Tensor errors = (predictions - targets).square().sum(0);
  const at::Tensor deviations = (targets - targets.mean(0)).square().sum(0);
  std::vector<double> values;
  for (int64_t i = 0; i < targets.size(1); ++i) {
    const double deviation = deviations[i].item().toDouble();
    values.push_back(deviation > 0 ? 1 - errors[i].item().toDouble() / deviation
                                   : std::numeric_limits<double>::quiet_NaN());
  }
  return values;
}

}  // namespace cassle
