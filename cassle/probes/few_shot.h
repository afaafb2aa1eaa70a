// N-way K-shot episodes: small classification tasks drawn from one set of features.
//
// One-vs-rest logistic regression with L2 as scikit-learn's LogisticRegression(solver="liblinear")
// fits it in the authors' evaluation: the library is the same (LIBLINEAR, trust region Newton, the
// default tolerance 1e-4), the bias is the weight of a constant feature 1 and regularised with the
// others:
//   minimise over w:  |w|^2 / 2 + C sum_i log(1 + exp(-y_i w.(x_i, 1)))     per class, y_i = +-1
#ifndef CASSLE_PROBES_FEW_SHOT_H_
#define CASSLE_PROBES_FEW_SHOT_H_

#include <cstdint>
#include <vector>

#include "cassle/probes/nearest_neighbors.h"

namespace cassle {

struct EpisodeShape {
  // Classes, at least 2.
  int ways = 5;
  // Images to learn from, per class; at least 1.
  int shots = 1;
  // Images to test on, per class; at least 1.
  int queries = 16;

  int64_t rows_per_class() const { return int64_t{shots} + queries; }
  int64_t rows() const { return ways * rows_per_class(); }
};

// Rows of the features, class by class: first the shots, then the queries. classes[c]: the rows
// that class c may draw from, at least shape.rows_per_class() for shape.ways classes. A pure
// function of its arguments; different episodes are drawn independently.
std::vector<int64_t> DrawEpisode(const std::vector<std::vector<int64_t>>& classes,
                                 const EpisodeShape& shape, uint64_t seed, int64_t episode);

struct EpisodeOutcome {
  // Of shape.ways classes in the order of the episode; [ways, d] and [ways]. With two ways the
  // second is the first with the opposite sign.
  std::vector<double> weights;
  std::vector<double> biases;
  // 0 .. ways-1 per query, class by class; the first of equal decisions.
  std::vector<int> predictions;
  double accuracy = 0;
};

// Fits the shots and predicts the queries. c > 0. O(shots ways^2 d) per Newton step.
EpisodeOutcome RunEpisode(const FeatureRows& features, const std::vector<int64_t>& rows,
                          const EpisodeShape& shape, double c);

struct EpisodeMean {
  double mean = 0;
  // Of a 95 % interval: 1.96 standard deviations (of the episodes, ddof 0) / sqrt(episodes).
  double half_width = 0;
};

// Of at least one accuracy.
EpisodeMean MeanOfEpisodes(const std::vector<double>& accuracies);

}  // namespace cassle

#endif  // CASSLE_PROBES_FEW_SHOT_H_
