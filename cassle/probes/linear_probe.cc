#include "cassle/probes/linear_probe.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "cassle/base/thread_pool.h"
#include "cassle/probes/lbfgs_fit.h"

namespace cassle {
namespace {

constexpr int64_t kPredictRows = 256;
// The one fit that is tested and saved costs little to do exactly.
constexpr double kRefitTolerance = 1e-12;

PaddedMatrix<double> Copy(const PaddedMatrix<double>& from) {
  PaddedMatrix<double> to(from.rows(), from.columns());
  std::copy(from.data(), from.data() + from.size(), to.data());
  return to;
}

// The last three optima of the walk, newest first, and where they point.
class OptimaPath {
 public:
  void Add(const PaddedMatrix<double>& optimum) {
    third_ = std::move(second_);
    second_ = std::move(first_);
    first_ = Copy(optimum);
    if (count_ < 3) ++count_;
  }

  // Extrapolates to the next of equal steps; the newest itself while there are fewer than three.
  PaddedMatrix<double> Next() const {
    PaddedMatrix<double> next = Copy(first_);
    if (count_ < 3) return next;
    for (int64_t i = 0; i < next.size(); ++i) {
      next.data()[i] = 3 * first_.data()[i] - 3 * second_.data()[i] + third_.data()[i];
    }
    return next;
  }

 private:
  int count_ = 0;
  PaddedMatrix<double> first_, second_, third_;
};

double Score(const std::vector<int>& predicted, const std::vector<int>& labels, int classes,
             ProbeMetric metric) {
  const ClassCounts counts = CountRight(predicted, labels, classes);
  return metric == ProbeMetric::kTop1 ? counts.Top1() : counts.ClassAverage();
}

FitReport Fit(double w, double tolerance, ProbeSolver solver, SoftmaxRegression* problem,
              PaddedMatrix<double>* weights) {
  return solver == ProbeSolver::kLbfgs ? FitByLbfgs(w, tolerance, problem, weights)
                                       : problem->Fit(w, tolerance, weights);
}

// The one fit that is tested: L-BFGS cannot go as far within its iterations.
FitReport Refit(const ProbeSettings& settings, int best, SoftmaxRegression* problem,
                PaddedMatrix<double>* weights) {
  const double tolerance = settings.solver == ProbeSolver::kLbfgs
                               ? settings.tolerance
                               : std::min(settings.tolerance, kRefitTolerance);
  return Fit(settings.grid[best], tolerance, settings.solver, problem, weights);
}

}  // namespace

std::vector<double> AuthorsGrid() {
  std::vector<double> grid(45);
  for (int i = 0; i < 45; ++i) grid[i] = std::pow(10.0, -6 + 11.0 * i / 44);
  return grid;
}

std::vector<int> Predict(const PaddedMatrix<float>& x, int64_t first, int64_t rows,
                         const PaddedMatrix<double>& classifier, int threads) {
  std::vector<int> predicted(rows);
  const int64_t classes = classifier.rows();
  ParallelFor(threads, (rows + kPredictRows - 1) / kPredictRows, [&](int64_t part) {
    const int64_t begin = part * kPredictRows;
    const int64_t count = std::min(kPredictRows, rows - begin);
    std::vector<double> logits(count * classes);
    MultiplyTransposed(x.row(first + begin), x.stride(), count, classifier.data(),
                       classifier.stride(), classes, x.stride(), logits.data(), classes);
    for (int64_t r = 0; r < count; ++r) {
      const double* z = &logits[r * classes];
      predicted[begin + r] = std::max_element(z, z + classes) - z;
    }
  });
  return predicted;
}

absl::StatusOr<ProbeOutcome> RunProbe(const ProbeData& data, const ProbeSettings& settings) {
  const int64_t learn_rows = data.learn->rows();
  const int64_t val_rows = learn_rows - data.train_rows;
  const std::vector<int> train_labels(data.learn_labels.begin(),
                                      data.learn_labels.begin() + data.train_rows);
  const std::vector<int> val_labels(data.learn_labels.begin() + data.train_rows,
                                    data.learn_labels.end());
  SoftmaxRegression train(data.learn, data.train_rows, train_labels, data.classes, settings.threads,
                          settings.regularize_bias);
  ProbeOutcome outcome;
  outcome.grid.resize(settings.grid.size());
  OptimaPath path;
  PaddedMatrix<double> weights = train.Zeros();
  double best_accuracy = -1;
  for (int i = static_cast<int>(settings.grid.size()) - 1, done = 0; i >= 0; --i) {
    const double w = settings.grid[i];
    if (!settings.warm_start) {
      weights = train.Zeros();
    } else if (i + 1 < static_cast<int>(settings.grid.size())) {
      PaddedMatrix<double> ahead = path.Next();
      if (train.Objective(w, ahead, nullptr) < train.Objective(w, weights, nullptr)) {
        weights = std::move(ahead);
      }
    }
    ProbeGridPoint& point = outcome.grid[i];
    point.w = w;
    point.fit = Fit(w, settings.tolerance, settings.solver, &train, &weights);
    path.Add(weights);
    point.train_accuracy =
        CountRight(Predict(*data.learn, 0, data.train_rows, weights, settings.threads),
                   train_labels, data.classes)
            .Top1();
    point.val_accuracy =
        Score(Predict(*data.learn, data.train_rows, val_rows, weights, settings.threads),
              val_labels, data.classes, settings.metric);
    // The walk descends and the first of equals in ascending order wins.
    if (point.val_accuracy >= best_accuracy) {
      best_accuracy = point.val_accuracy;
      outcome.best = i;
      outcome.classifier = Copy(weights);
    }
    if (settings.go_on && !settings.go_on(++done)) {
      return absl::CancelledError("interrupted; run the same command again");
    }
  }
  if (settings.refit_on_validation) {
    SoftmaxRegression both(data.learn, learn_rows, data.learn_labels, data.classes,
                           settings.threads, settings.regularize_bias);
    outcome.refit = Refit(settings, outcome.best, &both, &outcome.classifier);
  } else {
    outcome.refit = Refit(settings, outcome.best, &train, &outcome.classifier);
  }
  outcome.test_predictions =
      Predict(*data.test, 0, data.test->rows(), outcome.classifier, settings.threads);
  outcome.test = CountRight(outcome.test_predictions, data.test_labels, data.classes);
  return outcome;
}

}  // namespace cassle
