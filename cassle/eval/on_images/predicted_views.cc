#include "cassle/eval/on_images/predicted_views.h"

#include "absl/types/span.h"
#include "cassle/base/status_macros.h"
#include "cassle/probes/nearest_neighbors.h"
#include "cassle/probes/ridge.h"
#include "cassle/probes/view_retrieval.h"

namespace cassle {
namespace {

// What a map learns, or predicts, of the views 1 .. V-1 of images.
struct Pairs {
  // [n * (V-1), d + k], or without parameters [n * (V-1), d].
  std::vector<float> inputs;
  int64_t num_inputs = 0;
  // [n * (V-1), d]
  std::vector<float> targets;
  int64_t num_targets = 0;

  FeatureRows input_rows() const { return {inputs, num_inputs}; }
  FeatureRows target_rows() const { return {targets, num_targets}; }
};

// Of `count` images from `first` on.
Pairs PairsOf(const EncodedViews& encoded, int64_t first, int64_t count, bool told) {
  const int64_t d = encoded.feature_size, k = told ? encoded.num_parameters : 0;
  Pairs pairs;
  pairs.num_inputs = d + k;
  pairs.num_targets = d;
  for (int64_t image = first; image < first + count; ++image) {
    const int64_t source = image * encoded.views;
    for (int64_t row = source + 1; row < source + encoded.views; ++row) {
      const auto append = [](const std::vector<float>& from, int64_t at, int64_t size,
                             std::vector<float>* to) {
        to->insert(to->end(), from.begin() + at * size, from.begin() + (at + 1) * size);
      };
      append(encoded.features, source, d, &pairs.inputs);
      if (told) append(encoded.relative, row, k, &pairs.inputs);
      append(encoded.features, row, d, &pairs.targets);
    }
  }
  return pairs;
}

std::vector<float> Predict(const RidgeRegression& regression, const Pairs& pairs) {
  const std::vector<double> predictions = regression.Predict(pairs.input_rows());
  return {predictions.begin(), predictions.end()};
}

// Where each view stands among the views of its image, of those of images from `first` on.
std::vector<int64_t> RanksOf(const EncodedViews& encoded, int64_t first,
                             const std::vector<float>& predictions) {
  const int64_t d = encoded.feature_size, others = encoded.views - 1;
  std::vector<int64_t> ranks;
  for (int64_t i = 0; i < static_cast<int64_t>(predictions.size()) / d; ++i) {
    const int64_t image = first + i / others;
    const FeatureRows candidates = {
        absl::MakeConstSpan(encoded.features).subspan(image * encoded.views * d, encoded.views * d),
        d};
    const FeatureRows prediction = {absl::MakeConstSpan(predictions).subspan(i * d, d), d};
    ranks.push_back(RankOf(prediction, candidates, 1 + i % others));
  }
  return ranks;
}

std::vector<double> ErrorsOf(const EncodedViews& encoded, const ViewParts& parts,
                             const std::vector<float>& predictions) {
  const int64_t d = encoded.feature_size, rows = parts.num_test * encoded.views;
  const FeatureRows bank = {absl::MakeConstSpan(encoded.features).subspan(0, rows * d), d};
  const NeighborTable nearest =
      FindNeighbors(bank, {predictions, d}, {.neighbors = 1, .threads = parts.threads});
  std::vector<int64_t> meant;
  for (int64_t row = 0; row < rows; ++row) {
    if (row % encoded.views > 0) meant.push_back(row);
  }
  const int64_t k = encoded.num_parameters;
  return RetrievalErrors({absl::MakeConstSpan(encoded.parameters).subspan(0, rows * k), k},
                         nearest.rows, meant);
}

}  // namespace

absl::StatusOr<ViewScores> ScoreViews(const EncodedViews& encoded, const ViewParts& parts,
                                      bool told) {
  const int64_t learnt_from = parts.num_test + parts.num_val;
  double chosen = kRidgeGrid[0], best = -1;
  {
    const Pairs train = PairsOf(encoded, learnt_from, encoded.images() - learnt_from, told);
    const Pairs val = PairsOf(encoded, parts.num_test, parts.num_val, told);
    RidgeRegression search(train.input_rows(), train.target_rows());
    for (const double w : kRidgeGrid) {
      CASSLE_RETURN_IF_ERROR(search.Fit(w));
      const double score =
          MeanReciprocalRank(RanksOf(encoded, parts.num_test, Predict(search, val)));
      if (score <= best) continue;
      best = score;
      chosen = w;
    }
  }
  const Pairs all = PairsOf(encoded, parts.num_test, encoded.images() - parts.num_test, told);
  RidgeRegression regression(all.input_rows(), all.target_rows());
  CASSLE_RETURN_IF_ERROR(regression.Fit(chosen));
  const std::vector<float> predictions =
      Predict(regression, PairsOf(encoded, 0, parts.num_test, told));
  const std::vector<int64_t> ranks = RanksOf(encoded, 0, predictions);
  return ViewScores{.mean_reciprocal_rank = MeanReciprocalRank(ranks),
                    .hits_at_1 = HitsAt(ranks, 1),
                    .hits_at_5 = HitsAt(ranks, 5),
                    .retrieval_errors = ErrorsOf(encoded, parts, predictions)};
}

}  // namespace cassle
