#include "cassle/probes/nearest_neighbors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cassle/base/thread_pool.h"
#include "cassle/probes/neighbor_scores.h"
#include "cassle/probes/thin_products.h"

namespace cassle {
namespace {

// Tiles of queries that go through the bank together: the bank is read from memory once per block.
constexpr int64_t kBlockTiles = 4;
// Rows of the bank that stay in the cache while the tiles of a block pass.
constexpr int64_t kBankRows = 64;
// Candidates beyond the neighbours asked for: float32 may swap rows that are nearly as near.
constexpr int64_t kSpare = 8;

// Four sums, so that the additions need not wait for each other.
template <class Term>
double SumOverColumns(int64_t columns, const Term& term) {
  double sums[4] = {0, 0, 0, 0};
  int64_t j = 0;
  for (; j + 4 <= columns; j += 4) {
    for (int s = 0; s < 4; ++s) sums[s] += term(j + s);
  }
  for (; j < columns; ++j) sums[0] += term(j);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

double SquaredNorm(const float* row, int64_t columns) {
  return SumOverColumns(columns, [&](int64_t j) { return double{row[j]} * row[j]; });
}

// Rows that a median is taken of.
constexpr int64_t kMedianRows = 1001;

// The medians of the columns, of rows evenly spaced if there are many. Where most rows are, however
// far out the others.
std::vector<double> Medians(const FeatureRows& rows) {
  const int64_t count = std::min(kMedianRows, rows.rows());
  std::vector<double> medians;
  std::vector<float> values(count);
  for (int64_t j = 0; j < rows.columns; ++j) {
    for (int64_t i = 0; i < count; ++i) values[i] = rows.row(i * rows.rows() / count)[j];
    std::nth_element(values.begin(), values.begin() + count / 2, values.end());
    medians.push_back(values[count / 2]);
  }
  return medians;
}

// From this |mean|^2 of unit rows on, nearly all of them is what they share.
constexpr double kCommonPart = 0.99;

// How a row becomes one whose scores (product plus offset) rank like its similarities: moved by a
// centre c and scaled. Distances do not change when all rows move, and near the origin |x|^2
// cancels least. Of unit rows x.q = (x - c).(q - c) + (x - c).c + q.c, the last the same for all x:
// what tells the rows apart is not lost beside what they share. Where they share little c is 0, so
// that products that are equal stay so.
class Scoring {
 public:
  Scoring(NeighborMetric metric, const FeatureRows& bank, const FeatureRows& queries)
      : metric_(metric), columns_(bank.columns) {
    if (metric_ == NeighborMetric::kCosine) {
      center_ = CommonPart(bank);
      return;
    }
    // Not the mean: one row far out would move it away from all others.
    center_ = Medians(bank);
    double largest = 0;
    for (const FeatureRows* rows : {&bank, &queries}) {
      for (int64_t i = 0; i < rows->rows(); ++i) {
        for (int64_t j = 0; j < columns_; ++j) {
          largest = std::max(largest, std::abs(rows->row(i)[j] - center_[j]));
        }
      }
    }
    // Squares neither overflow nor vanish.
    if (largest > 0) scale_ = 1 / largest;
  }

  // Writes value j to to[j * step].
  void Transform(const float* row, float* to, int64_t step) const {
    const double scale = ScaleOf(row);
    for (int64_t j = 0; j < columns_; ++j) {
      to[j * step] = static_cast<float>((row[j] * scale - center_[j]) * scale_);
    }
  }

  // Of a row of the bank.
  float Offset(const float* row, const float* transformed) const {
    if (metric_ == NeighborMetric::kEuclidean) {
      return static_cast<float>(-0.5 * SquaredNorm(transformed, columns_));
    }
    const double scale = ScaleOf(row);
    return static_cast<float>(SumOverColumns(
        columns_, [&](int64_t j) { return (row[j] * scale - center_[j]) * center_[j]; }));
  }

  double Similarity(const float* row, double row_norm, const float* query,
                    double query_norm) const {
    if (metric_ == NeighborMetric::kEuclidean) {
      return -std::sqrt(SumOverColumns(columns_, [&](int64_t j) {
        const double difference = double{row[j]} - query[j];
        return difference * difference;
      }));
    }
    const double product =
        SumOverColumns(columns_, [&](int64_t j) { return double{row[j]} * query[j]; });
    const double norms = row_norm * query_norm;
    return norms > 0 ? product / norms : 0;
  }

  // What Similarity wants of a row: its length, where the metric needs it.
  double Norm(const float* row) const {
    return metric_ == NeighborMetric::kCosine ? std::sqrt(SquaredNorm(row, columns_)) : 0;
  }

 private:
  // The mean of the unit rows, where it is nearly all of them; else 0.
  std::vector<double> CommonPart(const FeatureRows& bank) const {
    std::vector<double> mean(columns_);
    for (int64_t i = 0; i < bank.rows(); ++i) {
      const double scale = ScaleOf(bank.row(i));
      for (int64_t j = 0; j < columns_; ++j) mean[j] += bank.row(i)[j] * scale;
    }
    double square = 0;
    for (double& value : mean) {
      value /= bank.rows();
      square += value * value;
    }
    return square < kCommonPart ? std::vector<double>(columns_) : mean;
  }

  // Of unit length, where lengths do not count; a row of zeros stays one.
  double ScaleOf(const float* row) const {
    if (metric_ == NeighborMetric::kEuclidean) return 1;
    const double norm = Norm(row);
    return norm > 0 ? 1 / norm : 0;
  }

  const NeighborMetric metric_;
  const int64_t columns_;
  std::vector<double> center_;
  double scale_ = 1;
};

template <class T>
struct Candidate {
  T score;
  int64_t row;
};

template <class T>
bool Nearer(const Candidate<T>& a, const Candidate<T>& b) {
  return a.score != b.score ? a.score > b.score : a.row < b.row;
}

// The best `keep` of the scores that one query has seen, rows ascending.
class BestScores {
 public:
  explicit BestScores(int64_t keep) : keep_(keep) { seen_.reserve(2 * keep); }

  // A later row must be strictly nearer to matter.
  float threshold() const { return threshold_; }

  void Add(float score, int64_t row) {
    seen_.push_back({score, row});
    if (static_cast<int64_t>(seen_.size()) == 2 * keep_) Shrink();
  }

  const std::vector<Candidate<float>>& Finish() {
    Shrink();
    return seen_;
  }

 private:
  void Shrink() {
    if (static_cast<int64_t>(seen_.size()) < keep_) return;
    std::nth_element(seen_.begin(), seen_.begin() + (keep_ - 1), seen_.end(), Nearer<float>);
    seen_.resize(keep_);
    threshold_ = seen_.back().score;
  }

  const int64_t keep_;
  std::vector<Candidate<float>> seen_;
  float threshold_ = -std::numeric_limits<float>::infinity();
};

// What all blocks of queries share.
struct Search {
  const FeatureRows& bank;
  const FeatureRows& queries;
  const NeighborOptions& options;
  Scoring scoring;
  PaddedMatrix<float> rows;
  std::vector<float> offsets;
  std::vector<double> norms;
  NeighborTable* table;

  // Rows among which the neighbours of a query are.
  std::vector<int64_t> Candidates(int64_t query, double norm, BestScores* best) const {
    std::vector<int64_t> rows;
    if (options.metric == NeighborMetric::kCosine && norm == 0) {
      // All are equally like a row of zeros, whatever rounding has made of their scores.
      for (int64_t i = 0; static_cast<int64_t>(rows.size()) < table->neighbors; ++i) {
        if (!options.leave_one_out || i != query) rows.push_back(i);
      }
      return rows;
    }
    for (const Candidate<float>& candidate : best->Finish()) rows.push_back(candidate.row);
    return rows;
  }

  // Puts the neighbours of a query into the table.
  void Finish(int64_t query, BestScores* best) const {
    const float* row = queries.row(query);
    const double norm = scoring.Norm(row);
    std::vector<Candidate<double>> nearest;
    for (const int64_t i : Candidates(query, norm, best)) {
      nearest.push_back({scoring.Similarity(bank.row(i), norms[i], row, norm), i});
    }
    std::partial_sort(nearest.begin(), nearest.begin() + table->neighbors, nearest.end(),
                      Nearer<double>);
    for (int64_t i = 0; i < table->neighbors; ++i) {
      table->rows[query * table->neighbors + i] = nearest[i].row;
      table->similarities[query * table->neighbors + i] = static_cast<float>(nearest[i].score);
    }
  }

  // Hands the scores of a tile that are near enough to their queries.
  void Select(const float* scores, int64_t first_row, int64_t num_rows, int64_t first_query,
              int64_t num_queries, BestScores* best) const {
    float thresholds[kTileQueries];
    std::fill_n(thresholds, kTileQueries, std::numeric_limits<float>::infinity());
    for (int64_t q = 0; q < num_queries; ++q) thresholds[q] = best[q].threshold();
    for (int64_t r = 0; r < num_rows; ++r, scores += kTileQueries) {
      int any = 0;
      for (int64_t q = 0; q < kTileQueries; ++q) any |= scores[q] > thresholds[q];
      if (any == 0) continue;
      for (int64_t q = 0; q < num_queries; ++q) {
        if (scores[q] <= thresholds[q]) continue;
        if (options.leave_one_out && first_query + q == first_row + r) continue;
        best[q].Add(scores[q], first_row + r);
        thresholds[q] = best[q].threshold();
      }
    }
  }

  // Queries first .. last-1, at most kBlockTiles tiles.
  void Block(int64_t first, int64_t last) const {
    PaddedMatrix<float> tiles(kBlockTiles * bank.columns, kTileQueries);
    for (int64_t q = first; q < last; ++q) {
      const int64_t tile = (q - first) / kTileQueries;
      scoring.Transform(queries.row(q), tiles.row(tile * bank.columns) + (q - first) % kTileQueries,
                        kTileQueries);
    }
    std::vector<BestScores> best(last - first, BestScores(table->neighbors + kSpare));
    std::vector<float> scores(kBankRows * kTileQueries);
    for (int64_t row = 0; row < rows.rows(); row += kBankRows) {
      const int64_t num_rows = std::min(kBankRows, rows.rows() - row);
      for (int64_t q = first; q < last; q += kTileQueries) {
        const int64_t tile = (q - first) / kTileQueries;
        ScoreTile(rows.row(row), rows.stride(), num_rows, offsets.data() + row,
                  tiles.row(tile * bank.columns), bank.columns, scores.data());
        Select(scores.data(), row, num_rows, q, std::min(kTileQueries, last - q),
               best.data() + (q - first));
      }
    }
    for (int64_t q = first; q < last; ++q) Finish(q, &best[q - first]);
  }
};

// Of query q, by class.
void CountVotes(const NeighborTable& table, int64_t q, const std::vector<int>& labels,
                int64_t neighbors, double temperature, absl::Span<double> votes) {
  const int64_t* rows = table.rows.data() + q * table.neighbors;
  const float* similarities = table.similarities.data() + q * table.neighbors;
  std::fill(votes.begin(), votes.end(), 0.0);
  for (int64_t i = 0; i < std::min(neighbors, table.neighbors); ++i) {
    // Relative to the nearest: no overflow, and the same winner.
    votes[labels[rows[i]]] +=
        temperature > 0 ? std::exp((double{similarities[i]} - similarities[0]) / temperature) : 1;
  }
}

}  // namespace

NeighborTable FindNeighbors(const FeatureRows& bank, const FeatureRows& queries,
                            const NeighborOptions& options) {
  NeighborTable table;
  table.queries = queries.rows();
  table.neighbors = std::min(options.neighbors, bank.rows() - (options.leave_one_out ? 1 : 0));
  table.rows.resize(table.queries * table.neighbors);
  table.similarities.resize(table.queries * table.neighbors);
  Search search{bank,
                queries,
                options,
                Scoring(options.metric, bank, queries),
                PaddedMatrix<float>(bank.rows(), bank.columns),
                std::vector<float>(bank.rows()),
                std::vector<double>(bank.rows()),
                &table};
  for (int64_t i = 0; i < bank.rows(); ++i) {
    search.scoring.Transform(bank.row(i), search.rows.row(i), 1);
    search.norms[i] = search.scoring.Norm(bank.row(i));
    search.offsets[i] = search.scoring.Offset(bank.row(i), search.rows.row(i));
  }
  constexpr int64_t kBlock = kBlockTiles * kTileQueries;
  ParallelFor(options.threads, (table.queries + kBlock - 1) / kBlock, [&](int64_t block) {
    if (options.interrupted && options.interrupted()) return;
    search.Block(block * kBlock, std::min((block + 1) * kBlock, table.queries));
  });
  return table;
}

std::vector<int> VoteByNeighbors(const NeighborTable& table, const std::vector<int>& labels,
                                 int classes, int64_t neighbors, double temperature) {
  std::vector<int> predicted(table.queries);
  std::vector<double> votes(classes);
  for (int64_t q = 0; q < table.queries; ++q) {
    CountVotes(table, q, labels, neighbors, temperature, absl::MakeSpan(votes));
    predicted[q] = static_cast<int>(std::max_element(votes.begin(), votes.end()) - votes.begin());
  }
  return predicted;
}

std::vector<double> VoteShares(const NeighborTable& table, const std::vector<int>& labels,
                               int classes, int64_t neighbors, double temperature) {
  std::vector<double> shares(table.queries * classes);
  for (int64_t q = 0; q < table.queries; ++q) {
    const absl::Span<double> votes = absl::MakeSpan(shares).subspan(q * classes, classes);
    CountVotes(table, q, labels, neighbors, temperature, votes);
    // At least 1: the vote of the nearest.
    const double all = std::accumulate(votes.begin(), votes.end(), 0.0);
    for (double& vote : votes) vote /= all;
  }
  return shares;
}

}  // namespace cassle
