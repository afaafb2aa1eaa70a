#include "cassle/probes/regression.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"

namespace cassle {
namespace {

std::vector<double> NormalizeRows(absl::Span<const double> rows, int64_t width) {
  std::vector<double> normalized(rows.begin(), rows.end());
  for (size_t i = 0; i < rows.size(); i += width) {
    double square = 0;
    for (int64_t j = 0; j < width; ++j) square += rows[i + j] * rows[i + j];
    const double length = std::max(std::sqrt(square), 1e-12);
    for (int64_t j = 0; j < width; ++j) normalized[i + j] /= length;
  }
  return normalized;
}

// Rows first .. first + rows - 1 of x times weights^T, [rows, outputs].
std::vector<double> PredictRows(const PaddedMatrix<float>& x, int64_t first, int64_t rows,
                                const PaddedMatrix<double>& weights) {
  std::vector<double> predictions(rows * weights.rows());
  MultiplyTransposed(x.row(first), x.stride(), rows, weights.data(), weights.stride(),
                     weights.rows(), x.stride(), predictions.data(), weights.rows());
  return predictions;
}

RegressionFit Fit(const RegressionSettings& settings, double w, const std::function<bool()>& go_on,
                  LinearRegression* problem, PaddedMatrix<double>* weights) {
  return settings.loss == RegressionLoss::kSquared
             ? problem->FitSquared(w, weights)
             : problem->FitAbsolute(w, settings.tolerance, go_on, weights);
}

}  // namespace

double SquaredCorrelation(absl::Span<const double> predictions, absl::Span<const double> targets) {
  const double n = predictions.size();
  double mean_p = 0, mean_t = 0;
  for (size_t i = 0; i < predictions.size(); ++i) {
    mean_p += predictions[i] / n;
    mean_t += targets[i] / n;
  }
  double pp = 0, tt = 0, pt = 0;
  for (size_t i = 0; i < predictions.size(); ++i) {
    const double p = predictions[i] - mean_p, t = targets[i] - mean_t;
    pp += p * p;
    tt += t * t;
    pt += p * t;
  }
  // What rounding leaves of a constant is no variation.
  const double none_p = 1e-24 * n * mean_p * mean_p, none_t = 1e-24 * n * mean_t * mean_t;
  return pp > none_p && tt > none_t ? pt / pp * (pt / tt) : 0;
}

double NormalizedSquaredCorrelation(absl::Span<const double> predictions,
                                    absl::Span<const double> targets, int64_t width) {
  return SquaredCorrelation(NormalizeRows(predictions, width), NormalizeRows(targets, width));
}

double MeanSquaredCorrelation(absl::Span<const double> predictions,
                              absl::Span<const double> targets, int64_t width) {
  double sum = 0;
  for (int64_t j = 0; j < width; ++j) {
    std::vector<double> p, t;
    for (size_t i = j; i < predictions.size(); i += width) {
      p.push_back(predictions[i]);
      t.push_back(targets[i]);
    }
    sum += SquaredCorrelation(p, t);
  }
  return sum / width;
}

double AbsoluteError(absl::Span<const double> predictions, absl::Span<const double> targets) {
  double sum = 0;
  for (size_t i = 0; i < predictions.size(); ++i) sum += std::abs(predictions[i] - targets[i]);
  return sum;
}

absl::StatusOr<RegressionOutcome> FitRegressionGrid(const RegressionData& data,
                                                    const RegressionSettings& settings) {
  const int64_t learn_rows = data.learn->rows(), val_rows = learn_rows - data.train_rows;
  const absl::Span<const double> targets = data.learn_targets;
  const absl::Span<const double> train_targets = targets.first(data.train_rows * data.outputs);
  const absl::Span<const double> val_targets = targets.subspan(train_targets.size());
  const auto metric = [&](const std::vector<double>& p, absl::Span<const double> t) {
    return settings.metric == RegressionMetric::kR2
               ? SquaredCorrelation(p, t)
               : NormalizedSquaredCorrelation(p, t, data.outputs);
  };
  RegressionOutcome outcome;
  outcome.grid.resize(settings.grid.size());
  outcome.weights = PaddedMatrix<double>(data.outputs, data.learn->columns());
  int done = 0;
  bool stopped = false;
  const auto go_on = [&] {
    stopped = stopped || (settings.go_on && !settings.go_on(done));
    return !stopped;
  };
  const absl::Status cancelled = absl::CancelledError("interrupted; run the same command again");
  LinearRegression train(data.learn, data.train_rows, {train_targets.begin(), train_targets.end()},
                         data.outputs, settings.threads);
  double best = -1;
  // From the largest w, where the problem is easy, so that each fit helps the next.
  for (int i = static_cast<int>(settings.grid.size()) - 1; i >= 0; --i) {
    RegressionGridPoint& point = outcome.grid[i];
    point.w = settings.grid[i];
    point.fit = Fit(settings, point.w, go_on, &train, &outcome.weights);
    ++done;
    if (!go_on()) return cancelled;
    point.train =
        metric(PredictRows(*data.learn, 0, data.train_rows, outcome.weights), train_targets);
    point.val =
        metric(PredictRows(*data.learn, data.train_rows, val_rows, outcome.weights), val_targets);
    // The walk descends and the first of equals in ascending order wins.
    if (point.val >= best) {
      best = point.val;
      outcome.best = i;
    }
  }
  LinearRegression both(data.learn, learn_rows, data.learn_targets, data.outputs, settings.threads);
  outcome.refit = Fit(settings, settings.grid[outcome.best], go_on, &both, &outcome.weights);
  if (!go_on()) return cancelled;
  outcome.test_predictions = PredictRows(*data.test, 0, data.test->rows(), outcome.weights);
  return outcome;
}

}  // namespace cassle
