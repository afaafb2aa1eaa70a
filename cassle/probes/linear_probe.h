// The authors' linear evaluation (transfer_linear_eval.py) on features in memory: a grid of
// regularisers, chosen by a validation part, refitted on train and validation, tested.
#ifndef CASSLE_PROBES_LINEAR_PROBE_H_
#define CASSLE_PROBES_LINEAR_PROBE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/probes/accuracy.h"
#include "cassle/probes/softmax_regression.h"
#include "cassle/probes/thin_products.h"

namespace cassle {

// Features [rows, d + 1]; the last column is 1.
struct ProbeData {
  // First train_rows rows to learn from, then the validation rows.
  const PaddedMatrix<float>* learn = nullptr;
  int64_t train_rows = 0;
  std::vector<int> learn_labels;
  const PaddedMatrix<float>* test = nullptr;
  std::vector<int> test_labels;
  int classes = 0;
};

enum class ProbeMetric { kTop1, kClassAverage };

// Newton's method (softmax_regression.h) or L-BFGS (lbfgs_fit.h): the same optima.
enum class ProbeSolver { kNewton, kLbfgs };

struct ProbeSettings {
  // Ascending, all > 0.
  std::vector<double> grid;
  ProbeMetric metric = ProbeMetric::kTop1;
  bool warm_start = true;
  ProbeSolver solver = ProbeSolver::kNewton;
  // Whether the penalty includes the bias, as the authors' does.
  bool regularize_bias = true;
  // The classifier that is tested learns from the validation rows too, as the authors' does.
  bool refit_on_validation = true;
  // Of each fit of the grid, see SoftmaxRegression::Fit; the refit goes to 1e-12 or below.
  double tolerance = 1e-7;
  int threads = 1;
  // Called after each fit with the number of fits done; false stops. May be null.
  std::function<bool(int)> go_on;
};

struct ProbeGridPoint {
  double w = 0;
  double val_accuracy = 0;
  double train_accuracy = 0;
  FitReport fit;
};

struct ProbeOutcome {
  std::vector<ProbeGridPoint> grid;
  // Index into grid: the first with the best validation metric.
  int best = 0;
  FitReport refit;
  // [classes, d + 1], after the refit.
  PaddedMatrix<double> classifier;
  std::vector<int> test_predictions;
  ClassCounts test;
};

// logspace(-6, 5, 45).
std::vector<double> AuthorsGrid();

// Index of the largest logit of rows first .. first + rows - 1 (the first one among equals).
std::vector<int> Predict(const PaddedMatrix<float>& x, int64_t first, int64_t rows,
                         const PaddedMatrix<double>& classifier, int threads);

// The optimum for each w is unique, so the order in which the grid is walked is free: a warm start
// goes from the largest w, where the problem is easy, down to the smallest, each fit starting where
// the quadratic through the last three optima points. The result is that of the authors' ascending
// order. Deterministic; independent of settings.threads.
// \error kCancelled if go_on said so. Labels and sizes are the caller's business.
absl::StatusOr<ProbeOutcome> RunProbe(const ProbeData& data, const ProbeSettings& settings);

}  // namespace cassle

#endif  // CASSLE_PROBES_LINEAR_PROBE_H_
