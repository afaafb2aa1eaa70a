// Multinomial logistic regression with an L2 penalty on fixed features, solved to its optimum.
//
//   f(W) = sum_i CE(W x_i, y_i) + w |W|^2        W [C, d]; the last column of x is 1 (the bias)
//
// This is the objective of the authors' linear evaluation (transfer_linear_eval.py): a sum, not a
// mean, and the bias is regularised too. It is strictly convex, so every solver has to arrive at
// the same W; theirs is L-BFGS in float32, which stops short at small w. Ours is Newton's method
// with conjugate gradients (Lin, Weng and Keerthi 2008, "Trust region Newton method for large-scale
// logistic regression"): objective and gradient in double, Hessian products in float (they only
// choose the direction), preconditioned by the Cholesky factor of
// X^T diag(mean_c p_c (1 - p_c)) X + 2w (without 2w for a bias that is free).
#ifndef CASSLE_PROBES_SOFTMAX_REGRESSION_H_
#define CASSLE_PROBES_SOFTMAX_REGRESSION_H_

#include <cstdint>
#include <vector>

#include "cassle/probes/cholesky.h"
#include "cassle/probes/thin_products.h"

namespace cassle {

struct FitReport {
  double objective = 0;
  // |gradient of f| at the end; f - f* <= gradient_norm^2 / (4 w) by strong convexity where the
  // bias is regularised too.
  double gradient_norm = 0;
  // Of Newton's method, or of L-BFGS.
  int steps = 0;
  // Newton's method only.
  int hessian_products = 0;
  // L-BFGS only: of objective and gradient.
  int evaluations = 0;
  // False if rounding or the limit of steps stopped the search before the tolerance.
  bool converged = false;
};

// One problem: rows, labels and scratch. Keeps its preconditioner between calls of Fit. Not
// thread-safe; uses `threads` threads inside, and no result depends on their number: rows are cut
// into fixed parts, which are summed in order.
class SoftmaxRegression {
 public:
  // The first `rows` rows of `x`, which must outlive this; x's last used column is the constant 1.
  // labels: rows values in 0 .. classes-1. Without regularize_bias the penalty leaves the last
  // column of W out; the optimum is then unique up to a constant added to all biases, and Fit from
  // zeros finds the one where they sum to 0.
  SoftmaxRegression(const PaddedMatrix<float>* x, int64_t rows, std::vector<int> labels,
                    int classes, int threads, bool regularize_bias = true);

  // A zero classifier of the right shape, [C, d].
  PaddedMatrix<double> Zeros() const;

  // f; when gradient is not null also its derivative by W, [C, d].
  double Objective(double w, const PaddedMatrix<double>& weights, PaddedMatrix<double>* gradient);

  // Starts from *weights and leaves the optimum there: stops when the estimated f - f* is at most
  // tolerance * f. The estimate is right to about a factor of ten; where a class has few rows, to
  // one of thirty (the preconditioner is a mean over the classes); of a few hundred where few rows
  // can be separated and w is small. w > 0.
  FitReport Fit(double w, double tolerance, PaddedMatrix<double>* weights);

  // About f - f* where Objective was called last, with this gradient: |gradient|^2 / (4 w), which
  // bounds it; of a free bias |gradient|^2 / 2 over its own curvature (a mean over the classes).
  double GapEstimate(double w, const PaddedMatrix<double>& gradient) const;

 private:
  // logits_ = x weights^T.
  void ComputeLogits(const PaddedMatrix<double>& weights, std::vector<double>* logits);
  // Sum of losses at logits_ + step * direction_logits_.
  double Loss(double step);
  // Probabilities at logits_, and the gradient of f there.
  void Gradient(double w, const PaddedMatrix<double>& weights, PaddedMatrix<double>* gradient);
  // out = Hessian of f times direction, where Gradient was called last.
  void HessianTimes(double w, const PaddedMatrix<double>& direction, PaddedMatrix<double>* out);
  void RefreshPreconditioner(double w);
  // Scalar product without what is not regularised.
  double PenaltyDot(const PaddedMatrix<double>& a, const PaddedMatrix<double>& b) const;
  // Takes the bias column of 2w * matrix out of the derivative of the penalty.
  void FreeBias(double w, const PaddedMatrix<double>& matrix, PaddedMatrix<double>* out) const;

  const PaddedMatrix<float>* const x_;
  const int64_t rows_;
  const std::vector<int> labels_;
  const int64_t classes_;
  const int threads_;
  const bool regularize_bias_;
  // Rows per part (a unit of work for a thread) and per block (what stays in cache).
  int64_t part_rows_ = 0;
  int64_t parts_ = 0;
  int64_t block_rows_ = 0;
  std::vector<double> logits_;
  std::vector<double> direction_logits_;
  // [rows, C] softmax; the entry of the most probable class holds the sum of the others (1 - p
  // keeps its digits when p is nearly 1), top_ says which it is.
  std::vector<float> others_;
  std::vector<int> top_;
  std::vector<double> part_loss_;
  PaddedMatrix<double> partial_;
  PaddedMatrix<float> partial_float_;
  Cholesky preconditioner_;
  double preconditioner_w_ = 0;
  double preconditioner_objective_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_PROBES_SOFTMAX_REGRESSION_H_
