// Ridge regression of several targets by normal equations.
#ifndef CASSLE_EVAL_RIDGE_H_
#define CASSLE_EVAL_RIDGE_H_

#include <ATen/core/Tensor.h>

#include <vector>

namespace cassle {

// min over W, b of  |Z W^T + b - Y|^2 / n + w |W|^2  with Z the features standardised by mean and
// standard deviation of these rows (a constant column counts as 0), b not regularised.
// The equations are made once (n d^2 multiply-adds) and solved for each w (d^3 / 3).
class RidgeRegression {
 public:
  // features [n, d] and targets [n, k], double, n >= 1.
  RidgeRegression(const at::Tensor& features, const at::Tensor& targets);

  // Learns the weights for w > 0; does not depend on earlier calls or on threads.
  void Fit(double w);
  // [m, d] -> [m, k] with the weights of the last Fit.
  at::Tensor Predict(const at::Tensor& features) const;

 private:
  at::Tensor Standardized(const at::Tensor& features) const;

  at::Tensor mean_, scale_, target_mean_;
  // [d, d] and [k, d], divided by n.
  at::Tensor gram_, products_;
  // [k, d]
  at::Tensor weights_;
};

// 1 - sum of squared errors / sum of squared deviations from the mean, of every column. Not a
// number where the targets do not vary. Both [n, k] double.
std::vector<double> CoefficientsOfDetermination(const at::Tensor& predictions,
                                                const at::Tensor& targets);

}  // namespace cassle

#endif  // CASSLE_EVAL_RIDGE_H_
