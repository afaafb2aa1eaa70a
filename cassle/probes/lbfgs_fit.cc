#include "cassle/probes/lbfgs_fit.h"

#include <lbfgs.h>

#include <algorithm>
#include <memory>
#include <new>

namespace cassle {
namespace {

constexpr int kHistory = 100;
constexpr int kMaxIterations = 5000;

struct Search {
  double w;
  double tolerance;
  SoftmaxRegression* problem;
  // At the point that was evaluated last.
  PaddedMatrix<double> weights, gradient;
  FitReport report;
};

double Evaluate(void* instance, const double* x, double* gradient, int n, double /*step*/) {
  Search& search = *static_cast<Search*>(instance);
  ++search.report.evaluations;
  std::copy(x, x + n, search.weights.data());
  const double objective = search.problem->Objective(search.w, search.weights, &search.gradient);
  std::copy(search.gradient.data(), search.gradient.data() + n, gradient);
  return objective;
}

// Not zero ends the search.
int Progress(void* instance, const double*, const double*, double objective, double, double norm,
             double, int, int iteration, int) {
  Search& search = *static_cast<Search*>(instance);
  search.report.steps = iteration;
  search.report.objective = objective;
  search.report.gradient_norm = norm;
  search.report.converged =
      search.problem->GapEstimate(search.w, search.gradient) <= search.tolerance * objective;
  return search.report.converged;
}

}  // namespace

FitReport FitByLbfgs(double w, double tolerance, SoftmaxRegression* problem,
                     PaddedMatrix<double>* weights) {
  Search search{w, tolerance, problem, problem->Zeros(), problem->Zeros(), {}};
  lbfgs_parameter_t parameters;
  lbfgs_parameter_init(&parameters);
  parameters.m = kHistory;
  parameters.max_iterations = kMaxIterations;
  // Progress decides.
  parameters.epsilon = 0;
  const int n = static_cast<int>(weights->size());
  const std::unique_ptr<double, decltype(&lbfgs_free)> x(lbfgs_malloc(n), &lbfgs_free);
  if (x == nullptr) throw std::bad_alloc();
  std::copy(weights->data(), weights->data() + n, x.get());
  const int ended = lbfgs(n, x.get(), nullptr, Evaluate, Progress, &search, &parameters);
  if (ended == LBFGSERR_OUTOFMEMORY) throw std::bad_alloc();
  // Whatever else it says, x is the best point it found: rounding ends a line search near the
  // optimum.
  std::copy(x.get(), x.get() + n, weights->data());
  return search.report;
}

}  // namespace cassle
