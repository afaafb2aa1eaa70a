// Ridge regression of several targets by normal equations.
#ifndef CASSLE_PROBES_RIDGE_H_
#define CASSLE_PROBES_RIDGE_H_

#include <vector>

#include "absl/status/status.h"
#include "cassle/probes/nearest_neighbors.h"
#include "cassle/probes/thin_products.h"

namespace cassle {

// min over W, b of  |Z W^T + b - Y|^2 / n + w |W|^2  with Z the features standardised by mean and
// standard deviation of these rows (a constant column counts as 0), b not regularised.
// The equations are made once (n d^2 multiply-adds) and solved for each w (d^3 / 3), in double
// precision on the calling thread.
class RidgeRegression {
 public:
  // features [n, d] and targets [n, k], n >= 1; not needed any more afterwards.
  RidgeRegression(const FeatureRows& features, const FeatureRows& targets);

  // Learns the weights for w > 0; does not depend on earlier calls.
  // \error kInternal if rounding leaves the equations without a solution, at a w that is too small.
  absl::Status Fit(double w);
  // [m, d] -> [m, k] row-major, with the weights of the last Fit.
  std::vector<double> Predict(const FeatureRows& features) const;

 private:
  // Of the features; of the targets.
  std::vector<double> means_, scales_, target_means_;
  // Divided by n: [d, d] inside an identity matrix, with room for the kernels, and [k, d].
  PaddedMatrix<double> gram_, products_;
  // [k, d]
  PaddedMatrix<double> weights_;
};

// Values of w to choose from, ascending. Features are standardised, so that these are relative to
// their variance.
inline constexpr double kRidgeGrid[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100};

// 1 - sum of squared errors / sum of squared deviations from the mean, of every column. Not a
// number where the targets do not vary. Both [n, k].
std::vector<double> CoefficientsOfDetermination(const std::vector<double>& predictions,
                                                const FeatureRows& targets);

}  // namespace cassle

#endif  // CASSLE_PROBES_RIDGE_H_
