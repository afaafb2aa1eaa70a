#include "cassle/probes/linear_regression.h"

#include <eigen3/Eigen/Core>
#include <eigen3/Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cassle/base/thread_pool.h"

namespace cassle {
namespace {

constexpr int64_t kPartRows = 1024;
constexpr int kMaxSteps = 4000;
// Steps between looks at the gap, each of which costs half a step.
constexpr int kCheckEvery = 10;
// Penalties come to rest, as the proof of convergence asks.
constexpr int kMaxBalancedSteps = 1000;
constexpr double kOverRelaxation = 1.6;
constexpr double kImbalance = 5;

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

struct LinearRegression::Gram {
  Matrix eigenvectors;
  Eigen::VectorXd eigenvalues;
};

LinearRegression::~LinearRegression() = default;

LinearRegression::LinearRegression(const PaddedMatrix<float>* x, int64_t rows,
                                   std::vector<double> targets, int64_t outputs, int threads)
    : x_(x),
      rows_(rows),
      outputs_(outputs),
      targets_(std::move(targets)),
      threads_(threads),
      parts_((rows + kPartRows - 1) / kPartRows),
      errors_(targets_),
      copy_(targets_.size()),
      multipliers_(targets_.size()),
      scratch_(targets_.size()) {
  for (double y : targets_) target_sum_ += std::abs(y);
  for (int64_t j = 0; j < outputs_; ++j) {
    double mean = 0, deviation = 0;
    for (int64_t i = 0; i < rows_; ++i) mean += targets_[i * outputs_ + j] / rows_;
    for (int64_t i = 0; i < rows_; ++i) deviation += std::abs(targets_[i * outputs_ + j] - mean);
    // Thresholds of a small error; any value converges.
    penalties_.push_back(deviation > 0 ? 20 * rows_ / deviation : 1);
  }
  DecomposeGram();
}

void LinearRegression::DecomposeGram() {
  const int64_t d = x_->columns(), stride = x_->stride();
  constexpr int64_t kPanel = 32;
  PaddedMatrix<double> gram(PaddedColumns(d), stride);
  const int64_t panels = (d + kPanel - 1) / kPanel;
  ParallelFor(threads_, panels, [&](int64_t panel) {
    const int64_t first = panel * kPanel;
    const int64_t width = std::min(kPanel, d - first);
    std::vector<double> left(kPartRows * kPanel);
    for (int64_t begin = 0; begin < rows_; begin += kPartRows) {
      const int64_t rows = std::min(kPartRows, rows_ - begin);
      for (int64_t r = 0; r < rows; ++r) {
        std::copy_n(x_->row(begin + r) + first, width, &left[r * kPanel]);
      }
      AccumulateTransposed(left.data(), kPanel, x_->row(begin), stride, rows, width, stride,
                           gram.row(first), gram.stride());
    }
  });
  Matrix square(d, d);
  for (int64_t i = 0; i < d; ++i) {
    for (int64_t j = 0; j < d; ++j) square(i, j) = gram(i, j);
  }
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(square);
  gram_ = std::make_unique<Gram>(Gram{solver.eigenvectors(), solver.eigenvalues()});
  // Directions that no row has: rounding would fill them at small w. Their weights are 0.
  Eigen::VectorXd& eigenvalues = gram_->eigenvalues;
  const double none = 1e-13 * eigenvalues.maxCoeff();
  for (int64_t i = 0; i < d; ++i) {
    if (eigenvalues[i] < none) eigenvalues[i] = std::numeric_limits<double>::infinity();
  }
}

PaddedMatrix<double> LinearRegression::Project(const std::vector<double>& errors) {
  const int64_t stride = x_->stride();
  std::vector<PaddedMatrix<double>> sums(parts_);
  ParallelFor(threads_, parts_, [&](int64_t part) {
    const int64_t begin = part * kPartRows;
    sums[part] = PaddedMatrix<double>(outputs_, stride);
    AccumulateTransposed(&errors[begin * outputs_], outputs_, x_->row(begin), stride,
                         std::min(kPartRows, rows_ - begin), outputs_, stride, sums[part].data(),
                         stride);
  });
  PaddedMatrix<double> products(outputs_, x_->columns());
  for (const PaddedMatrix<double>& sum : sums) {
    for (int64_t j = 0; j < outputs_; ++j) {
      for (int64_t c = 0; c < products.columns(); ++c) products(j, c) += sum(j, c);
    }
  }
  return products;
}

void LinearRegression::Errors(const PaddedMatrix<double>& weights, std::vector<double>* errors) {
  ParallelFor(threads_, parts_, [&](int64_t part) {
    const int64_t begin = part * kPartRows;
    const int64_t rows = std::min(kPartRows, rows_ - begin);
    double* out = errors->data() + begin * outputs_;
    MultiplyTransposed(x_->row(begin), x_->stride(), rows, weights.data(), weights.stride(),
                       outputs_, x_->stride(), out, outputs_);
    const double* y = &targets_[begin * outputs_];
    for (int64_t i = 0; i < rows * outputs_; ++i) out[i] = y[i] - out[i];
  });
}

void LinearRegression::Solve(const PaddedMatrix<double>& products,
                             const std::vector<double>& shifts, PaddedMatrix<double>* weights) {
  Matrix dense(outputs_, products.columns());
  for (int64_t j = 0; j < outputs_; ++j) {
    for (int64_t c = 0; c < dense.cols(); ++c) dense(j, c) = products(j, c);
  }
  Matrix rotated = dense * gram_->eigenvectors;
  for (int64_t j = 0; j < outputs_; ++j) {
    for (int64_t c = 0; c < rotated.cols(); ++c) rotated(j, c) /= gram_->eigenvalues[c] + shifts[j];
  }
  const Matrix solved = rotated * gram_->eigenvectors.transpose();
  for (int64_t j = 0; j < outputs_; ++j) {
    for (int64_t c = 0; c < solved.cols(); ++c) (*weights)(j, c) = solved(j, c);
  }
}

double LinearRegression::Gap(double w, const PaddedMatrix<double>& weights, double* objective,
                             std::vector<GapParts>* parts) {
  // L(W, m) = sum m (y - W x) + w |W|^2 bounds f* from below where its derivative by W vanishes;
  // the derivative times |W| stands for the distance that is left.
  parts->assign(outputs_, {});
  *objective = 0;
  for (int64_t i = 0; i < rows_; ++i) {
    for (int64_t j = 0; j < outputs_; ++j) {
      const int64_t at = i * outputs_ + j;
      scratch_[at] = penalties_[j] * multipliers_[at];
      *objective += std::abs(errors_[at]);
      (*parts)[j].errors += std::abs(errors_[at]) - scratch_[at] * errors_[at];
    }
  }
  const PaddedMatrix<double> products = Project(scratch_);
  double gap = 0;
  for (int64_t j = 0; j < outputs_; ++j) {
    double square = 0, slope = 0;
    for (int64_t c = 0; c < products.columns(); ++c) {
      const double derivative = 2 * w * weights(j, c) - products(j, c);
      square += weights(j, c) * weights(j, c);
      slope += derivative * derivative;
    }
    *objective += w * square;
    (*parts)[j].derivative = std::sqrt(square * slope);
    gap += (*parts)[j].errors + (*parts)[j].derivative;
  }
  return gap;
}

void LinearRegression::Shrink() {
  ParallelFor(threads_, parts_, [&](int64_t part) {
    const int64_t end = std::min(rows_, (part + 1) * kPartRows);
    for (int64_t i = part * kPartRows; i < end; ++i) {
      for (int64_t j = 0; j < outputs_; ++j) {
        const int64_t at = i * outputs_ + j;
        const double threshold = 1 / penalties_[j];
        const double relaxed = kOverRelaxation * errors_[at] + (1 - kOverRelaxation) * copy_[at];
        const double value = relaxed + multipliers_[at];
        multipliers_[at] = std::clamp(value, -threshold, threshold);
        copy_[at] = value - multipliers_[at];
      }
    }
  });
}

void LinearRegression::BalancePenalties(const std::vector<GapParts>& parts) {
  for (int64_t j = 0; j < outputs_; ++j) {
    double factor = 1;
    if (parts[j].errors > kImbalance * parts[j].derivative) factor = 2;
    if (parts[j].derivative > kImbalance * parts[j].errors) factor = 0.5;
    if (factor == 1) continue;
    penalties_[j] *= factor;
    for (int64_t i = 0; i < rows_; ++i) multipliers_[i * outputs_ + j] /= factor;
  }
}

RegressionFit LinearRegression::FitAbsolute(double w, double tolerance,
                                            const std::function<bool()>& go_on,
                                            PaddedMatrix<double>* weights) {
  RegressionFit fit;
  std::vector<double> shifts(outputs_);
  std::vector<GapParts> parts;
  while (fit.steps < kMaxSteps && !fit.converged) {
    for (int64_t j = 0; j < outputs_; ++j) shifts[j] = 2 * w / penalties_[j];
    for (size_t i = 0; i < targets_.size(); ++i) {
      scratch_[i] = targets_[i] - copy_[i] + multipliers_[i];
    }
    Solve(Project(scratch_), shifts, weights);
    Errors(*weights, &errors_);
    Shrink();
    if (++fit.steps % kCheckEvery != 0) continue;
    fit.converged = Gap(w, *weights, &fit.objective, &parts) <= tolerance * target_sum_;
    if (fit.steps < kMaxBalancedSteps) BalancePenalties(parts);
    if (go_on && !go_on()) break;
  }
  return fit;
}

RegressionFit LinearRegression::FitSquared(double w, PaddedMatrix<double>* weights) {
  Solve(Project(targets_), std::vector<double>(outputs_, w), weights);
  Errors(*weights, &errors_);
  RegressionFit fit;
  for (double error : errors_) fit.objective += error * error;
  for (int64_t i = 0; i < weights->size(); ++i) {
    fit.objective += w * weights->data()[i] * weights->data()[i];
  }
  fit.converged = true;
  return fit;
}

}  // namespace cassle
