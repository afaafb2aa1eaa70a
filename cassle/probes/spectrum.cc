#include "cassle/probes/spectrum.h"

#include <eigen3/Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cassle/base/thread_pool.h"
#include "cassle/probes/thin_products.h"

namespace cassle {
namespace {

using Matrix = Eigen::MatrixXd;

// Rows of the products that one thread makes at a time.
constexpr int64_t kStrip = 16;

std::vector<double> Means(const FeatureRows& features) {
  std::vector<double> means(features.columns, 0.0);
  for (int64_t i = 0; i < features.rows(); ++i) {
    for (int64_t j = 0; j < features.columns; ++j) means[j] += features.row(i)[j];
  }
  for (double& mean : means) mean /= features.rows();
  return means;
}

// x^T x of the rows minus `center`.
Matrix CenteredProducts(const FeatureRows& features, const std::vector<double>& center,
                        int threads) {
  const int64_t n = features.rows(), d = features.columns;
  PaddedMatrix<float> rows(n, d);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < d; ++j) {
      rows(i, j) = static_cast<float>(features.row(i)[j] - center[j]);
    }
  }
  PaddedMatrix<double> products(d, d);
  ParallelFor(threads, (d + kStrip - 1) / kStrip, [&](int64_t strip) {
    const int64_t first = strip * kStrip, count = std::min(kStrip, d - first);
    PaddedMatrix<double> left(n, kStrip);
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(rows.row(i) + first, count, left.row(i));
    }
    AccumulateTransposed(left.data(), left.stride(), rows.data(), rows.stride(), n, count,
                         rows.stride(), products.row(first), products.stride());
  });
  Matrix result(d, d);
  for (int64_t i = 0; i < d; ++i) {
    for (int64_t j = 0; j < d; ++j) result(i, j) = products(i, j);
  }
  return result;
}

// The `count` largest eigenvalues, descending; rounding below 0 becomes 0.
std::vector<double> Eigenvalues(const Matrix& symmetric, int64_t count) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(symmetric, Eigen::EigenvaluesOnly);
  const auto& ascending = solver.eigenvalues();
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    values.push_back(std::max(0.0, ascending[ascending.size() - 1 - i]));
  }
  return values;
}

double LogR2(const std::vector<double>& ratios, const PowerLaw& law, int64_t first, int64_t last) {
  double mean = 0;
  for (int64_t i = first; i < last; ++i) mean += std::log(ratios[i]) / (last - first);
  double residual = 0, total = 0;
  for (int64_t i = first; i < last; ++i) {
    const double value = std::log(ratios[i]);
    residual += std::pow(value - std::log(law.At(i + 1)), 2);
    total += std::pow(value - mean, 2);
  }
  // A flat spectrum has nothing to explain.
  return total > 0 ? 1 - residual / total : 0;
}

}  // namespace

std::vector<double> Spectrum::ExplainedVarianceRatios() const {
  const double sum = std::accumulate(variances.begin(), variances.end(), 0.0);
  std::vector<double> ratios;
  for (double variance : variances) ratios.push_back(variance / sum);
  return ratios;
}

int64_t Spectrum::NumPositive() const {
  return std::count_if(variances.begin(), variances.end(),
                       [&](double variance) { return variance > 1e-12 * variances.front(); });
}

Spectrum ComputeSpectrum(const FeatureRows& features, int threads) {
  const int64_t n = features.rows(), d = features.columns, count = std::min(n, d);
  // Near the mean nothing cancels: the squares of a large mean would hide a small variance.
  const std::vector<double> center = Means(features);
  const Matrix products = CenteredProducts(features, center, threads);
  const Eigen::Map<const Eigen::VectorXd> mean(center.data(), d);
  const Matrix matrices[2] = {products / static_cast<double>(n - 1),
                              products + static_cast<double>(n) * mean * mean.transpose()};
  std::vector<double> values[2];
  ParallelFor(threads, 2, [&](int64_t i) { values[i] = Eigenvalues(matrices[i], count); });
  Spectrum spectrum;
  spectrum.variances = std::move(values[0]);
  for (double square : values[1]) spectrum.singular_values.push_back(std::sqrt(square));
  return spectrum;
}

double RankMe(const std::vector<double>& singular_values) {
  if (singular_values.empty() || singular_values.front() <= 0) return 0;
  const double least = 1e-8 * singular_values.front();
  double sum = 0, entropy = 0;
  for (double value : singular_values) sum += value > least ? value : 0;
  for (double value : singular_values) {
    if (value > least) entropy -= value / sum * std::log(value / sum);
  }
  return std::exp(entropy);
}

int64_t ComponentsFor(double part, const std::vector<double>& ratios) {
  double sum = 0;
  for (size_t i = 0; i < ratios.size(); ++i) {
    sum += ratios[i];
    if (sum >= part) return static_cast<int64_t>(i) + 1;
  }
  return static_cast<int64_t>(ratios.size());
}

double PowerLaw::At(int64_t component) const {
  return scale * std::pow(static_cast<double>(component), -alpha);
}

PowerLaw FitPowerLaw(const std::vector<double>& ratios) {
  const int64_t count = static_cast<int64_t>(ratios.size());
  // Weighted means, then the slope about them.
  double weights = 0, x_mean = 0, y_mean = 0;
  const int64_t first = 5, last = std::min<int64_t>(50, count);
  for (int64_t i = first; i < last; ++i) {
    const double weight = 1.0 / (i + 1);
    weights += weight;
    x_mean += weight * std::log(i + 1.0);
    y_mean += weight * std::log(ratios[i]);
  }
  x_mean /= weights;
  y_mean /= weights;
  double xy = 0, xx = 0;
  for (int64_t i = first; i < last; ++i) {
    const double weight = 1.0 / (i + 1), x = std::log(i + 1.0) - x_mean;
    xy += weight * x * (std::log(ratios[i]) - y_mean);
    xx += weight * x * x;
  }
  PowerLaw law;
  law.alpha = -xy / xx;
  law.scale = std::exp(y_mean + law.alpha * x_mean);
  law.r2 = LogR2(ratios, law, 6, count >= 512 ? 500 : count - 10);
  law.r2_100 = LogR2(ratios, law, 6, std::min<int64_t>(100, count));
  return law;
}

}  // namespace cassle
