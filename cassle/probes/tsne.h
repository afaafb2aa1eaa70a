// Maps of features in the plane: principal components and t-SNE.
//
// Debian has t-SNE only inside R and Python packages, so it is written here: with the exact
// gradient, which some thousand points can afford, and without any random number (the start is the
// plane of the first two principal components).
#ifndef CASSLE_PROBES_TSNE_H_
#define CASSLE_PROBES_TSNE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "cassle/probes/nearest_neighbors.h"

namespace cassle {

struct PrincipalCoordinates {
  // [n, dimensions], row-major, centred; in each dimension the largest absolute value is positive.
  std::vector<double> values;
  int64_t dimensions = 0;
  // Part of the whole variance that each dimension has.
  std::vector<double> ratios;
};

// The first min(dimensions, n, d) principal components of n >= 2 rows that are not all alike, in
// float64. O(n d m + m^3) time, m = min(n, d).
PrincipalCoordinates ProjectToComponents(const FeatureRows& features, int64_t dimensions);

// Symmetric affinities of t-SNE (van der Maaten & Hinton 2008, section 2): p_ij = (p_j|i + p_i|j) /
// 2n, where each row of the conditional ones has the perplexity asked for.
//   points      [n, dimensions]
//   perplexity  1 <= perplexity <= (n - 1) / 3
// Returns [n, n]; the diagonal is 0, the sum 1. O(n^2 dimensions) time.
std::vector<float> TsneAffinities(const std::vector<double>& points, int64_t n, double perplexity,
                                  int threads);

// The gradient of sum_ij exaggeration p_ij log p_ij / q_ij with respect to map [n, 2], q by
// Student's t with one degree of freedom (their equation 5; exaggeration scales the attraction).
// O(n^2) time; the result does not depend on `threads`.
void TsneGradient(const std::vector<float>& affinities, const std::vector<double>& map,
                  double exaggeration, int threads, std::vector<double>* gradient);

// KL(P || Q) in nats. O(n^2) time.
double TsneDivergence(const std::vector<float>& affinities, const std::vector<double>& map,
                      int threads);

struct TsneOptions {
  double perplexity = 30;
  // The first quarter, at most 250, with affinities times 12 (early exaggeration).
  int64_t iterations = 1000;
  int threads = 1;
  // Called before every iteration; false ends the work. May be null.
  std::function<bool(int64_t iteration)> go_on = nullptr;
};

struct TsneMap {
  // [n, 2]
  std::vector<double> map;
  // TsneDivergence of the map.
  double divergence = 0;
};

// Gradient descent with momentum 0.5, later 0.8, gains per coordinate and the step size max(n / 48,
// 50) of Belkina et al. 2019, as scikit-learn has them.
TsneMap RunTsne(const PrincipalCoordinates& points, const TsneOptions& options);

}  // namespace cassle

#endif  // CASSLE_PROBES_TSNE_H_
