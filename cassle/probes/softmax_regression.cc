#include "cassle/probes/softmax_regression.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cassle/base/thread_pool.h"

namespace cassle {
namespace {

// Parts are fixed by the number of rows alone: they are summed in order.
constexpr int64_t kParts = 16;
constexpr int kMaxNewtonSteps = 100;
constexpr int kMaxHessianProductsPerStep = 500;
// The preconditioner is made again when w has changed by this factor ...
constexpr double kPreconditionerSpan = 9.9;
// ... or a step took this many products and the objective has fallen by a tenth.
constexpr int kSlowStep = 30;
// The last step aims at this part of the decrement that ends the search.
constexpr double kSlack = 0.1;

template <class T>
double Dot(const PaddedMatrix<T>& a, const PaddedMatrix<T>& b) {
  // Four fixed partial sums: short dependency chains, same result everywhere.
  double sums[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < a.size(); i += 4) {
    for (int lane = 0; lane < 4; ++lane) {
      sums[lane] += static_cast<double>(a.data()[i + lane]) * b.data()[i + lane];
    }
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void AddScaled(double factor, const PaddedMatrix<double>& from, PaddedMatrix<double>* to) {
  for (int64_t i = 0; i < to->size(); ++i) to->data()[i] += factor * from.data()[i];
}

// partial holds parts_ matrices [C, d] one below the other; out = their sum + factor * plus.
template <class T>
void SumParts(const PaddedMatrix<T>& partial, int64_t parts, double factor,
              const PaddedMatrix<double>& plus, int threads, PaddedMatrix<double>* out) {
  const int64_t size = out->size();
  ParallelFor(threads, out->rows(), [&](int64_t row) {
    const int64_t end = (row + 1) * out->stride();
    for (int64_t i = row * out->stride(); i < end; ++i) {
      double sum = 0;
      for (int64_t part = 0; part < parts; ++part) sum += partial.data()[part * size + i];
      out->data()[i] = sum + factor * plus.data()[i];
    }
  });
}

}  // namespace

SoftmaxRegression::SoftmaxRegression(const PaddedMatrix<float>* x, int64_t rows,
                                     std::vector<int> labels, int classes, int threads,
                                     bool regularize_bias)
    : x_(x),
      rows_(rows),
      labels_(std::move(labels)),
      classes_(classes),
      threads_(threads),
      regularize_bias_(regularize_bias) {
  part_rows_ = std::max<int64_t>(48, (rows_ + kParts - 1) / kParts);
  parts_ = (rows_ + part_rows_ - 1) / part_rows_;
  // About 128 KiB of features per block, whole tiles of three rows.
  block_rows_ = std::clamp<int64_t>((128 << 10) / (x_->stride() * 4) / 3 * 3, 12, 96);
  logits_.resize(rows_ * classes_);
  direction_logits_.resize(rows_ * classes_);
  others_.resize(rows_ * classes_);
  top_.resize(rows_);
  part_loss_.resize(parts_);
  partial_ = PaddedMatrix<double>(parts_ * classes_, x_->columns());
  partial_float_ = PaddedMatrix<float>(parts_ * classes_, x_->columns());
}

double SoftmaxRegression::PenaltyDot(const PaddedMatrix<double>& a,
                                     const PaddedMatrix<double>& b) const {
  double sum = Dot(a, b);
  if (regularize_bias_) return sum;
  const int64_t bias = x_->columns() - 1;
  for (int64_t c = 0; c < classes_; ++c) sum -= a(c, bias) * b(c, bias);
  return sum;
}

void SoftmaxRegression::FreeBias(double w, const PaddedMatrix<double>& matrix,
                                 PaddedMatrix<double>* out) const {
  if (regularize_bias_) return;
  const int64_t bias = x_->columns() - 1;
  for (int64_t c = 0; c < classes_; ++c) (*out)(c, bias) -= 2 * w * matrix(c, bias);
}

PaddedMatrix<double> SoftmaxRegression::Zeros() const {
  return PaddedMatrix<double>(classes_, x_->columns());
}

void SoftmaxRegression::ComputeLogits(const PaddedMatrix<double>& weights,
                                      std::vector<double>* logits) {
  ParallelFor(threads_, parts_, [&](int64_t part) {
    const int64_t begin = part * part_rows_;
    const int64_t rows = std::min(part_rows_, rows_ - begin);
    MultiplyTransposed(x_->row(begin), x_->stride(), rows, weights.data(), weights.stride(),
                       classes_, x_->stride(), logits->data() + begin * classes_, classes_);
  });
}

double SoftmaxRegression::Loss(double step) {
  ParallelFor(threads_, parts_, [&](int64_t part) {
    const int64_t end = std::min(rows_, (part + 1) * part_rows_);
    std::vector<double> z(classes_);
    double sum = 0;
    for (int64_t i = part * part_rows_; i < end; ++i) {
      int64_t top = 0;
      for (int64_t c = 0; c < classes_; ++c) {
        z[c] = logits_[i * classes_ + c];
        if (step != 0) z[c] += step * direction_logits_[i * classes_ + c];
        if (z[c] > z[top]) top = c;
      }
      double others = 0;
      for (int64_t c = 0; c < classes_; ++c) others += c == top ? 0 : std::exp(z[c] - z[top]);
      sum += (z[top] - z[labels_[i]]) + std::log1p(others);
    }
    part_loss_[part] = sum;
  });
  double loss = 0;
  for (double part : part_loss_) loss += part;
  return loss;
}

void SoftmaxRegression::Gradient(double w, const PaddedMatrix<double>& weights,
                                 PaddedMatrix<double>* gradient) {
  ParallelFor(threads_, parts_, [&](int64_t part) {
    const int64_t end = std::min(rows_, (part + 1) * part_rows_);
    double* sums = partial_.row(part * classes_);
    std::fill(sums, sums + classes_ * partial_.stride(), 0.0);
    std::vector<double> residual(block_rows_ * classes_);
    for (int64_t begin = part * part_rows_; begin < end; begin += block_rows_) {
      const int64_t rows = std::min(block_rows_, end - begin);
      for (int64_t r = 0; r < rows; ++r) {
        const double* z = &logits_[(begin + r) * classes_];
        double* p = &residual[r * classes_];
        const int top = std::max_element(z, z + classes_) - z;
        double others = 0;
        for (int64_t c = 0; c < classes_; ++c) {
          p[c] = c == top ? 0 : std::exp(z[c] - z[top]);
          others += p[c];
        }
        const double scale = 1 / (1 + others);
        float* kept = &others_[(begin + r) * classes_];
        for (int64_t c = 0; c < classes_; ++c) {
          p[c] *= scale;
          kept[c] = p[c];
        }
        // p - 1 for the most probable class, without cancellation: minus the sum of the others.
        p[top] = -others * scale;
        kept[top] = others * scale;
        top_[begin + r] = top;
        const int label = labels_[begin + r];
        if (label != top) {
          p[top] += 1;
          p[label] -= 1;
        }
      }
      AccumulateTransposed(residual.data(), classes_, x_->row(begin), x_->stride(), rows, classes_,
                           x_->stride(), sums, partial_.stride());
    }
  });
  SumParts(partial_, parts_, 2 * w, weights, threads_, gradient);
  FreeBias(w, weights, gradient);
}

double SoftmaxRegression::Objective(double w, const PaddedMatrix<double>& weights,
                                    PaddedMatrix<double>* gradient) {
  ComputeLogits(weights, &logits_);
  if (gradient != nullptr) Gradient(w, weights, gradient);
  return Loss(0) + w * PenaltyDot(weights, weights);
}

void SoftmaxRegression::HessianTimes(double w, const PaddedMatrix<double>& direction,
                                     PaddedMatrix<double>* out) {
  PaddedMatrix<float> v(classes_, x_->columns());
  for (int64_t i = 0; i < v.size(); ++i) v.data()[i] = direction.data()[i];
  ParallelFor(threads_, parts_, [&](int64_t part) {
    const int64_t end = std::min(rows_, (part + 1) * part_rows_);
    float* sums = partial_float_.row(part * classes_);
    std::fill(sums, sums + classes_ * partial_float_.stride(), 0.0f);
    std::vector<float> block(block_rows_ * classes_);
    for (int64_t begin = part * part_rows_; begin < end; begin += block_rows_) {
      const int64_t rows = std::min(block_rows_, end - begin);
      MultiplyTransposed(x_->row(begin), x_->stride(), rows, v.data(), v.stride(), classes_,
                         x_->stride(), block.data(), classes_);
      for (int64_t r = 0; r < rows; ++r) {
        // (diag(p) - p p^T) u, everything relative to the most probable class: differences of u
        // times small probabilities instead of differences of nearly equal products.
        float* u = &block[r * classes_];
        const float* p = &others_[(begin + r) * classes_];
        const int top = top_[begin + r];
        const float reference = u[top];
        u[top] = 0;
        float mean = 0;
        for (int64_t c = 0; c < classes_; ++c) {
          u[c] = c == top ? 0 : u[c] - reference;
          mean += p[c] * u[c];
        }
        float sum = 0;
        for (int64_t c = 0; c < classes_; ++c) {
          u[c] = p[c] * (u[c] - mean);
          sum += c == top ? 0 : u[c];
        }
        u[top] = -sum;
      }
      AccumulateTransposed(block.data(), classes_, x_->row(begin), x_->stride(), rows, classes_,
                           x_->stride(), sums, partial_float_.stride());
    }
  });
  SumParts(partial_float_, parts_, 2 * w, direction, threads_, out);
  FreeBias(w, direction, out);
}

void SoftmaxRegression::RefreshPreconditioner(double w) {
  const int64_t n = x_->stride();
  std::vector<double> curvature(rows_);
  for (int64_t i = 0; i < rows_; ++i) {
    const float* p = &others_[i * classes_];
    double sum = 0;
    for (int64_t c = 0; c < classes_; ++c) sum += p[c] * (1 - static_cast<double>(p[c]));
    curvature[i] = sum / classes_;
  }
  PaddedMatrix<double> gram(n, n);
  constexpr int64_t kPanel = 32;
  ParallelFor(threads_, (n + kPanel - 1) / kPanel, [&](int64_t panel) {
    // The lower triangle, from the heavy end.
    const int64_t j0 = ((n + kPanel - 1) / kPanel - 1 - panel) * kPanel;
    const int64_t width = std::min(kPanel, n - j0);
    std::vector<double> left(block_rows_ * kPanel);
    for (int64_t begin = 0; begin < rows_; begin += block_rows_) {
      const int64_t rows = std::min(block_rows_, rows_ - begin);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t j = 0; j < width; ++j) {
          left[r * kPanel + j] = curvature[begin + r] * (*x_)(begin + r, j0 + j);
        }
      }
      AccumulateTransposed(left.data(), kPanel, x_->row(begin), x_->stride(), rows, width,
                           j0 + width, gram.row(j0), gram.stride());
    }
  });
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, gram(i, i));
  // Rounding can cost definiteness when w is far below the features' scale: then a little more.
  for (double ridge = 2 * w;; ridge = 10 * (ridge + 1e-15 * largest)) {
    PaddedMatrix<double> shifted(n, n);
    std::copy(gram.data(), gram.data() + gram.size(), shifted.data());
    for (int64_t i = 0; i < n; ++i) shifted(i, i) += ridge;
    // A free bias has the curvature of its rows alone.
    if (!regularize_bias_) shifted(x_->columns() - 1, x_->columns() - 1) -= 2 * w;
    if (preconditioner_.Factor(std::move(shifted), threads_)) break;
  }
  preconditioner_w_ = w;
}

double SoftmaxRegression::GapEstimate(double w, const PaddedMatrix<double>& gradient) const {
  const double penalized = PenaltyDot(gradient, gradient) / (4 * w);
  if (regularize_bias_) return penalized;
  const int64_t bias = x_->columns() - 1;
  double square = 0, curvature = 0;
  for (int64_t c = 0; c < classes_; ++c) square += gradient(c, bias) * gradient(c, bias);
  for (const float p : others_) curvature += p * (1 - static_cast<double>(p));
  curvature /= static_cast<double>(classes_);
  return penalized + (square > 0 ? square / (2 * curvature) : 0);
}

FitReport SoftmaxRegression::Fit(double w, double tolerance, PaddedMatrix<double>* weights) {
  FitReport report;
  PaddedMatrix<double> gradient = Zeros(), residual = Zeros(), direction = Zeros();
  PaddedMatrix<double> solved = Zeros(), search = Zeros(), product = Zeros();
  const auto precondition = [&] {
    std::copy(residual.data(), residual.data() + residual.size(), solved.data());
    preconditioner_.SolveRows(threads_, &solved);
  };
  ComputeLogits(*weights, &logits_);
  double objective = Loss(0) + w * PenaltyDot(*weights, *weights);
  int last_products = 0;
  for (;; ++report.steps) {
    Gradient(w, *weights, &gradient);
    const double change = std::max(w, preconditioner_w_) / std::min(w, preconditioner_w_);
    if (preconditioner_w_ == 0 || (report.steps == 0 && change > kPreconditionerSpan) ||
        (last_products > kSlowStep && objective < 0.9 * preconditioner_objective_)) {
      RefreshPreconditioner(w);
      preconditioner_objective_ = objective;
    }
    report.objective = objective;
    report.gradient_norm = std::sqrt(Dot(gradient, gradient));

    // Conjugate gradients on Hessian * direction = -gradient.
    for (int64_t i = 0; i < residual.size(); ++i) residual.data()[i] = -gradient.data()[i];
    precondition();
    const double decrement = Dot(residual, solved);
    // Half the decrement estimates f - f*. A preconditioner made for a larger w shrinks it by at
    // most the ratio of the two.
    const double stale = std::max(1.0, preconditioner_w_ / w);
    report.converged = stale * decrement / 2 <= tolerance * objective;
    if (report.converged || report.steps == kMaxNewtonSteps) return report;
    // As exact as Newton's method can use, but not far beyond what ends the search: that would
    // double the products.
    const double enough = std::sqrt(kSlack * tolerance * objective / (stale * decrement));
    const double forcing = std::min(0.1, std::max(enough, std::sqrt(decrement / objective)));
    std::fill(direction.data(), direction.data() + direction.size(), 0.0);
    std::copy(solved.data(), solved.data() + solved.size(), search.data());
    double rho = decrement;
    last_products = 0;
    while (last_products < kMaxHessianProductsPerStep) {
      HessianTimes(w, search, &product);
      ++last_products;
      const double curvature = Dot(search, product);
      if (!(curvature > 0)) break;
      AddScaled(rho / curvature, search, &direction);
      AddScaled(-rho / curvature, product, &residual);
      precondition();
      const double next = Dot(residual, solved);
      if (!(next > forcing * forcing * decrement)) break;
      for (int64_t i = 0; i < search.size(); ++i) {
        search.data()[i] = solved.data()[i] + next / rho * search.data()[i];
      }
      rho = next;
    }
    report.hessian_products += last_products;

    // Backtracking along the direction; a step costs no matrix product.
    ComputeLogits(direction, &direction_logits_);
    const double slope = Dot(gradient, direction);
    const double square = PenaltyDot(*weights, *weights);
    const double mixed = PenaltyDot(*weights, direction);
    const double direction_square = PenaltyDot(direction, direction);
    double step = 1;
    double reached = objective;
    for (; step > 1e-10; step /= 2) {
      reached = Loss(step) + w * (square + 2 * step * mixed + step * step * direction_square);
      if (reached <= objective + 1e-4 * step * slope) break;
    }
    if (!(reached < objective)) return report;
    objective = reached;
    AddScaled(step, direction, weights);
    for (int64_t i = 0; i < static_cast<int64_t>(logits_.size()); ++i) {
      logits_[i] += step * direction_logits_[i];
    }
  }
}

}  // namespace cassle
