#include "cassle/probes/few_shot.h"

#include <linear.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "cassle/base/permutation.h"
#include "cassle/base/philox.h"

namespace cassle {
namespace {

// scikit-learn's default.
constexpr double kTolerance = 1e-4;

struct FreeModel {
  void operator()(model* m) const { free_and_destroy_model(&m); }
};

void PrintNothing(const char*) {}

// The shots of an episode as LIBLINEAR wants them: lists of the features that are not zero, each
// with the constant feature behind them.
struct Problem {
  std::vector<feature_node> nodes;
  std::vector<feature_node*> lists;
  std::vector<double> labels;
  problem view;

  Problem(const FeatureRows& features, const std::vector<int64_t>& rows,
          const EpisodeShape& shape) {
    const int64_t d = features.columns;
    // No list moves once it is pointed at.
    nodes.reserve(shape.ways * shape.shots * (d + 2));
    for (int way = 0; way < shape.ways; ++way) {
      for (int shot = 0; shot < shape.shots; ++shot) {
        const float* row = features.row(rows[way * shape.rows_per_class() + shot]);
        lists.push_back(nodes.data() + nodes.size());
        labels.push_back(way);
        for (int64_t j = 0; j < d; ++j) {
          if (row[j] != 0) nodes.push_back({static_cast<int>(j + 1), row[j]});
        }
        nodes.push_back({static_cast<int>(d + 1), 1.0});
        nodes.push_back({-1, 0.0});
      }
    }
    view.l = static_cast<int>(lists.size());
    view.n = static_cast<int>(d + 1);
    view.y = labels.data();
    view.x = lists.data();
    view.bias = 1;
  }
};

double Decision(const float* row, const double* weights, double bias, int64_t d) {
  double sum = bias;
  for (int64_t j = 0; j < d; ++j) sum += row[j] * weights[j];
  return sum;
}

// Weights and biases from LIBLINEAR's layout: feature by feature, the classes in the order in which
// they first appear; two classes share one weight vector.
void TakeClassifier(const model& fitted, const EpisodeShape& shape, int64_t d,
                    EpisodeOutcome* outcome) {
  outcome->weights.resize(shape.ways * d);
  outcome->biases.resize(shape.ways);
  const int vectors = shape.ways == 2 ? 1 : shape.ways;
  for (int way = 0; way < shape.ways; ++way) {
    const int vector = std::min(way, vectors - 1);
    const double sign = vector == way ? 1 : -1;
    for (int64_t j = 0; j < d; ++j) {
      outcome->weights[way * d + j] = sign * fitted.w[j * vectors + vector];
    }
    outcome->biases[way] = sign * fitted.w[d * vectors + vector];
  }
}

}  // namespace

std::vector<int64_t> DrawEpisode(const std::vector<std::vector<int64_t>>& classes,
                                 const EpisodeShape& shape, uint64_t seed, int64_t episode) {
  std::vector<int> enough;
  for (size_t c = 0; c < classes.size(); ++c) {
    if (static_cast<int64_t>(classes[c].size()) >= shape.rows_per_class()) enough.push_back(c);
  }
  const uint64_t key = MixSeed(seed, episode);
  const KeyedPermutation order(enough.size(), key);
  std::vector<int64_t> rows;
  for (int way = 0; way < shape.ways; ++way) {
    const int chosen = enough[order(way)];
    const KeyedPermutation shuffle(classes[chosen].size(), MixSeed(key, chosen + 1));
    for (int64_t i = 0; i < shape.rows_per_class(); ++i) {
      rows.push_back(classes[chosen][shuffle(i)]);
    }
  }
  return rows;
}

EpisodeOutcome RunEpisode(const FeatureRows& features, const std::vector<int64_t>& rows,
                          const EpisodeShape& shape, double c) {
  static const bool quiet = [] {
    set_print_string_function(&PrintNothing);
    return true;
  }();
  static_cast<void>(quiet);
  const int64_t d = features.columns;
  const Problem shots(features, rows, shape);
  parameter settings = {};
  settings.solver_type = L2R_LR;
  settings.eps = kTolerance;
  settings.C = c;
  const std::unique_ptr<model, FreeModel> fitted(train(&shots.view, &settings));
  EpisodeOutcome outcome;
  TakeClassifier(*fitted, shape, d, &outcome);
  int64_t right = 0;
  std::vector<double> decisions(shape.ways);
  for (int way = 0; way < shape.ways; ++way) {
    for (int query = 0; query < shape.queries; ++query) {
      const float* row = features.row(rows[way * shape.rows_per_class() + shape.shots + query]);
      for (int other = 0; other < shape.ways; ++other) {
        decisions[other] =
            Decision(row, outcome.weights.data() + other * d, outcome.biases[other], d);
      }
      const int predicted = static_cast<int>(std::max_element(decisions.begin(), decisions.end()) -
                                             decisions.begin());
      outcome.predictions.push_back(predicted);
      right += predicted == way;
    }
  }
  outcome.accuracy = static_cast<double>(right) / outcome.predictions.size();
  return outcome;
}

EpisodeMean MeanOfEpisodes(const std::vector<double>& accuracies) {
  const double n = accuracies.size();
  EpisodeMean result;
  double square = 0;
  for (double accuracy : accuracies) result.mean += accuracy / n;
  for (double accuracy : accuracies) {
    square += (accuracy - result.mean) * (accuracy - result.mean) / n;
  }
  result.half_width = 1.96 * std::sqrt(square / n);
  return result;
}

}  // namespace cassle
