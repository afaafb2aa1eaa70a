// The authors' evaluation of vectors (transfer_linear_eval.py with metric r2): a grid of
// regularisers, chosen by a validation part, refitted on train and validation, tested.
#ifndef CASSLE_PROBES_REGRESSION_H_
#define CASSLE_PROBES_REGRESSION_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/probes/linear_regression.h"
#include "cassle/probes/thin_products.h"

namespace cassle {

// The authors' r2: all numbers as one list, a line target ~ m prediction + c fitted by least
// squares, the part of the targets' variance that it explains; so it is the squared correlation. 0
// if either does not vary.
double SquaredCorrelation(absl::Span<const double> predictions, absl::Span<const double> targets);
// Their r2_norm: the same after every row [width] was divided by its Euclidean length.
double NormalizedSquaredCorrelation(absl::Span<const double> predictions,
                                    absl::Span<const double> targets, int64_t width);
// Mean over the columns of each column's squared correlation. The other two are high already if
// the columns' means are right.
double MeanSquaredCorrelation(absl::Span<const double> predictions,
                              absl::Span<const double> targets, int64_t width);
// Sum of absolute differences.
double AbsoluteError(absl::Span<const double> predictions, absl::Span<const double> targets);

// Features [rows, d + 1], the last column 1. Targets row-major [rows, outputs].
struct RegressionData {
  // First train_rows rows to learn from, then the validation rows.
  const PaddedMatrix<float>* learn = nullptr;
  int64_t train_rows = 0;
  std::vector<double> learn_targets;
  const PaddedMatrix<float>* test = nullptr;
  int64_t outputs = 0;
};

enum class RegressionLoss { kAbsolute, kSquared };
enum class RegressionMetric { kR2, kR2Norm };

struct RegressionSettings {
  // Ascending, all > 0.
  std::vector<double> grid;
  RegressionLoss loss = RegressionLoss::kAbsolute;
  RegressionMetric metric = RegressionMetric::kR2;
  // See LinearRegression::FitAbsolute.
  double tolerance = 1e-4;
  int threads = 1;
  // Called with the number of fits done, also during a fit; false stops. May be null.
  std::function<bool(int)> go_on;
};

struct RegressionGridPoint {
  double w = 0;
  double val = 0;
  double train = 0;
  RegressionFit fit;
};

struct RegressionOutcome {
  std::vector<RegressionGridPoint> grid;
  // Index into grid: the first with the best validation metric.
  int best = 0;
  RegressionFit refit;
  // [outputs, d + 1], after the refit.
  PaddedMatrix<double> weights;
  // [test rows, outputs]
  std::vector<double> test_predictions;
};

// Deterministic; independent of settings.threads.
// \error kCancelled if go_on said so.
absl::StatusOr<RegressionOutcome> FitRegressionGrid(const RegressionData& data,
                                                    const RegressionSettings& settings);

}  // namespace cassle

#endif  // CASSLE_PROBES_REGRESSION_H_
