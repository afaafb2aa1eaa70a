// The spectrum of features: how many directions an encoder uses, and how evenly.
//
//   Spectrum        principal components' shares of the variance (centred), singular values (not)
//   RankMe          effective rank of Garrido et al. 2023 (arXiv:2210.02885, eq. 1)
//   power law       alpha-ReQ (Agrawal et al. 2022) as the authors of CASSLE fit it
#ifndef CASSLE_PROBES_SPECTRUM_H_
#define CASSLE_PROBES_SPECTRUM_H_

#include <cstdint>
#include <vector>

#include "cassle/probes/nearest_neighbors.h"

namespace cassle {

// All descending; lengths min(n, d).
struct Spectrum {
  // Variance along each principal component, the sum of squares over n - 1 as in scikit-learn.
  std::vector<double> variances;
  // Of the features as they are.
  std::vector<double> singular_values;

  // Parts of the whole variance, which must not be 0.
  std::vector<double> ExplainedVarianceRatios() const;
  // Components above rounding: with more than 1e-12 of the first one's variance.
  int64_t NumPositive() const;
};

// n >= 2. In float64 from the d x d covariance: O(n d^2 + d^3) time, O(n d + d^2) memory. The
// result does not depend on `threads`.
Spectrum ComputeSpectrum(const FeatureRows& features, int threads);

// exp of the entropy of the singular values divided by their sum, those below 1e-8 of the largest
// left out as rounding: between 1 and their number. 0 if all are 0. (The paper adds 1e-7 to each
// part, against the logarithm of 0.)
double RankMe(const std::vector<double>& singular_values);

// The first number of components whose shares sum up to `part` or more.
int64_t ComponentsFor(double part, const std::vector<double>& ratios);

// ratio_k = scale * k^-alpha for component k = 1, 2, ...
struct PowerLaw {
  double alpha = 0;
  double scale = 0;
  // Coefficients of determination of the logarithms over components 7 .. max, where max is 500 if
  // there are 512 components or more, else their number - 10; and over components 7 .. 100 (or as
  // many as there are). May be negative.
  double r2 = 0;
  double r2_100 = 0;

  double At(int64_t component) const;
};

// Components that a fit needs.
constexpr int64_t kMinFitComponents = 20;

// Least squares of the logarithms over components 6 .. 50, or as many as there are, with weights
// 1 / k.
//   ratios  at least kMinFitComponents, positive, descending.
PowerLaw FitPowerLaw(const std::vector<double>& ratios);

}  // namespace cassle

#endif  // CASSLE_PROBES_SPECTRUM_H_
