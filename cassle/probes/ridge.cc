#include "cassle/probes/ridge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/probes/cholesky.h"

namespace cassle {
namespace {

// Rows that are looked at together: what is made of them stays in the cache.
constexpr int64_t kPartRows = 256;

// Calls part(first, last) for rows first .. last-1, part by part.
template <class Part>
void ForEachPart(int64_t rows, const Part& part) {
  for (int64_t first = 0; first < rows; first += kPartRows) {
    part(first, std::min(first + kPartRows, rows));
  }
}

std::vector<double> Means(const FeatureRows& rows) {
  std::vector<double> means(rows.columns);
  for (int64_t i = 0; i < rows.rows(); ++i) {
    for (int64_t j = 0; j < rows.columns; ++j) means[j] += rows.row(i)[j];
  }
  for (double& mean : means) mean /= static_cast<double>(rows.rows());
  return means;
}

// 1 / standard deviation; 0 of a constant column.
std::vector<double> Scales(const FeatureRows& rows, const std::vector<double>& means) {
  std::vector<double> scales(rows.columns);
  for (int64_t i = 0; i < rows.rows(); ++i) {
    for (int64_t j = 0; j < rows.columns; ++j) {
      const double deviation = rows.row(i)[j] - means[j];
      scales[j] += deviation * deviation;
    }
  }
  for (double& scale : scales) {
    const double deviation = std::sqrt(scale / static_cast<double>(rows.rows()));
    scale = deviation > 0 ? 1 / deviation : 0;
  }
  return scales;
}

// The columns of rows first .. last-1 as rows: (value - mean) * scale.
PaddedMatrix<double> Columns(const FeatureRows& rows, int64_t first, int64_t last,
                             const std::vector<double>& means, const std::vector<double>& scales) {
  PaddedMatrix<double> columns(rows.columns, last - first);
  for (int64_t i = first; i < last; ++i) {
    for (int64_t j = 0; j < rows.columns; ++j) {
      columns(j, i - first) = (rows.row(i)[j] - means[j]) * scales[j];
    }
  }
  return columns;
}

// *sum += a b^T / n.
void AddProduct(const PaddedMatrix<double>& a, const PaddedMatrix<double>& b, int64_t n,
                PaddedMatrix<double>* sum) {
  PaddedMatrix<double> product(a.rows(), b.rows());
  MultiplyTransposed(a.data(), a.stride(), a.rows(), b.data(), b.stride(), b.rows(), a.stride(),
                     product.data(), product.stride());
  for (int64_t i = 0; i < a.rows(); ++i) {
    for (int64_t j = 0; j < b.rows(); ++j) (*sum)(i, j) += product(i, j) / static_cast<double>(n);
  }
}

}  // namespace

RidgeRegression::RidgeRegression(const FeatureRows& features, const FeatureRows& targets)
    : means_(Means(features)), scales_(Scales(features, means_)), target_means_(Means(targets)) {
  const int64_t padded = PaddedColumns(features.columns), n = features.rows();
  const std::vector<double> ones(targets.columns, 1);
  gram_ = PaddedMatrix<double>(padded, padded);
  products_ = PaddedMatrix<double>(targets.columns, padded);
  ForEachPart(n, [&](int64_t first, int64_t last) {
    const PaddedMatrix<double> z = Columns(features, first, last, means_, scales_);
    AddProduct(z, z, n, &gram_);
    AddProduct(Columns(targets, first, last, target_means_, ones), z, n, &products_);
  });
  for (int64_t i = features.columns; i < padded; ++i) gram_(i, i) = 1;
}

absl::Status RidgeRegression::Fit(double w) {
  PaddedMatrix<double> system(gram_.rows(), gram_.columns());
  std::copy_n(gram_.data(), gram_.size(), system.data());
  for (size_t i = 0; i < means_.size(); ++i) system(i, i) += w;
  Cholesky cholesky;
  if (!cholesky.Factor(std::move(system), /*threads=*/1)) {
    return absl::InternalError(
        absl::StrCat("ridge regression: the equations are not positive definite at w = ", w));
  }
  weights_ = PaddedMatrix<double>(products_.rows(), products_.columns());
  std::copy_n(products_.data(), products_.size(), weights_.data());
  cholesky.SolveRows(/*threads=*/1, &weights_);
  return absl::OkStatus();
}

std::vector<double> RidgeRegression::Predict(const FeatureRows& features) const {
  const int64_t outputs = weights_.rows();
  std::vector<double> predictions(features.rows() * outputs);
  ForEachPart(features.rows(), [&](int64_t first, int64_t last) {
    PaddedMatrix<double> z(last - first, features.columns);
    for (int64_t i = first; i < last; ++i) {
      for (int64_t j = 0; j < features.columns; ++j) {
        z(i - first, j) = (features.row(i)[j] - means_[j]) * scales_[j];
      }
    }
    MultiplyTransposed(z.data(), z.stride(), z.rows(), weights_.data(), weights_.stride(), outputs,
                       z.stride(), &predictions[first * outputs], outputs);
  });
  for (size_t i = 0; i < predictions.size(); ++i) predictions[i] += target_means_[i % outputs];
  return predictions;
}

std::vector<double> CoefficientsOfDetermination(const std::vector<double>& predictions,
                                                const FeatureRows& targets) {
  const std::vector<double> means = Means(targets);
  std::vector<double> values;
  for (int64_t j = 0; j < targets.columns; ++j) {
    double errors = 0, deviations = 0;
    for (int64_t i = 0; i < targets.rows(); ++i) {
      const double target = targets.row(i)[j];
      errors += std::pow(predictions[i * targets.columns + j] - target, 2);
      deviations += std::pow(target - means[j], 2);
    }
    values.push_back(deviations > 0 ? 1 - errors / deviations
                                    : std::numeric_limits<double>::quiet_NaN());
  }
  return values;
}

}  // namespace cassle
