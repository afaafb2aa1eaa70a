// Linear regression of several outputs on fixed features with an L2 penalty, by absolute or squared
// errors.
//
//   f(W) = sum_ij |W_j x_i - y_ij| + w |W|^2       or with squared errors; W [k, d], the last
//                                                  column of x is 1 (the bias)
//
// The former is what the authors learn landmarks by (transfer_linear_eval.py): a sum, and the bias
// is regularised too. It is strictly convex but has corners at every exact prediction, where their
// L-BFGS halts; ours is the alternating direction method of multipliers (Boyd et al. 2011, section
// 6.1), over-relaxed, with one penalty per output that balances the parts of its duality gap. One
// eigendecomposition of X^T X serves every w, output and step.
#ifndef CASSLE_PROBES_LINEAR_REGRESSION_H_
#define CASSLE_PROBES_LINEAR_REGRESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "cassle/probes/thin_products.h"

namespace cassle {

struct RegressionFit {
  double objective = 0;
  // 0 with squared errors, which are solved directly.
  int steps = 0;
  // False if the limit of steps ended the search before the tolerance.
  bool converged = false;
};

// One problem. Not thread-safe; uses `threads` threads inside, and no result depends on their
// number: rows are cut into fixed parts, which are summed in order.
class LinearRegression {
 public:
  // The first `rows` rows of `x`, which must outlive this; x's last used column is the constant 1.
  // targets: [rows, outputs] row-major. Costs rows d^2 multiply-adds and about 9 d^3.
  LinearRegression(const PaddedMatrix<float>* x, int64_t rows, std::vector<double> targets,
                   int64_t outputs, int threads);
  ~LinearRegression();

  // Writes the optimum for absolute errors into *weights [outputs, d]: stops when the estimated
  // f - f* is at most tolerance * sum |y|. Starts from the state that the previous call left, so
  // that neighbouring w help each other. go_on is asked now and then; false ends the search. May be
  // null. Each step costs 2 rows d k multiply-adds.
  RegressionFit FitAbsolute(double w, double tolerance, const std::function<bool()>& go_on,
                            PaddedMatrix<double>* weights);

  // The same for squared errors: exact.
  RegressionFit FitSquared(double w, PaddedMatrix<double>* weights);

 private:
  // Of X^T X: eigenvectors and eigenvalues.
  struct Gram;
  // Of one output: errors that the multipliers do not agree with, and the derivative by its
  // weights.
  struct GapParts {
    double errors = 0;
    double derivative = 0;
  };

  void DecomposeGram();
  // out [outputs, d] = errors^T X of errors [rows, outputs].
  PaddedMatrix<double> Project(const std::vector<double>& errors);
  // y - W x, [rows, outputs].
  void Errors(const PaddedMatrix<double>& weights, std::vector<double>* errors);
  // Row j of *weights = products_j (gram + shift_j)^-1.
  void Solve(const PaddedMatrix<double>& products, const std::vector<double>& shifts,
             PaddedMatrix<double>* weights);
  // Estimate of f - f* from the multipliers, and its parts per output; leaves f in *objective.
  double Gap(double w, const PaddedMatrix<double>& weights, double* objective,
             std::vector<GapParts>* parts);
  void Shrink();
  // A larger penalty makes the first part smaller, a smaller one the second.
  void BalancePenalties(const std::vector<GapParts>& parts);

  const PaddedMatrix<float>* const x_;
  const int64_t rows_, outputs_;
  const std::vector<double> targets_;
  const int threads_;
  const int64_t parts_;
  double target_sum_ = 0;
  std::unique_ptr<Gram> gram_;
  // State of the search, [rows, outputs]: y - W x, its shrunk copy, and the multipliers over the
  // penalty.
  std::vector<double> errors_, copy_, multipliers_;
  // [outputs]
  std::vector<double> penalties_;
  std::vector<double> scratch_;
};

}  // namespace cassle

#endif  // CASSLE_PROBES_LINEAR_REGRESSION_H_
