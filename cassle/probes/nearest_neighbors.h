// Exact search for the most similar rows, and classification by them: what features are worth
// without any training.
//
//   const NeighborTable table = FindNeighbors({train, d}, {test, d}, {.neighbors = 20});
//   const std::vector<int> predicted = VoteByNeighbors(table, labels, classes, 20, 0.07);
//
// Not FAISS: the results of its flat index change with the number of OpenMP threads, in the last
// bits and in the order of equally near rows, and it is not faster (50,000 x 512 rows, 10,000
// queries, 20 neighbours, seconds of processor time on a Zen 5: FAISS 1.7.3 3.6 to 6.3 by what
// OpenBLAS takes the processor for, here 3.9, brute force of scikit-learn 1.2.1 19.6).
#ifndef CASSLE_PROBES_NEAREST_NEIGHBORS_H_
#define CASSLE_PROBES_NEAREST_NEIGHBORS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/types/span.h"

namespace cassle {

// [n, d] features, row-major; finite.
struct FeatureRows {
  absl::Span<const float> values;
  int64_t columns = 0;

  int64_t rows() const { return columns == 0 ? 0 : static_cast<int64_t>(values.size()) / columns; }
  const float* row(int64_t i) const { return values.data() + i * columns; }
};

enum class NeighborMetric {
  // Similarity: the cosine; 0 where a row is all zeros.
  kCosine,
  // Similarity: minus the distance.
  kEuclidean,
};

struct NeighborOptions {
  // At least 1; all rows of the bank where there are fewer.
  int64_t neighbors = 20;
  NeighborMetric metric = NeighborMetric::kCosine;
  // The queries are the bank, and no row is its own neighbour.
  bool leave_one_out = false;
  int threads = 1;
  // Asked now and then; once it is true the search ends early and the table is of no use. May be
  // null.
  std::function<bool()> interrupted = nullptr;
};

// Both [queries, neighbors], most similar first.
struct NeighborTable {
  int64_t queries = 0;
  int64_t neighbors = 0;
  // Of the bank.
  std::vector<int64_t> rows;
  std::vector<float> similarities;
};

// The nearest rows of `bank` to each row of `queries`. bank.rows() >= 1, with leave_one_out >= 2;
// equal columns.
// Candidates are found in float32, eight more than asked for; their similarities, and by them the
// order, are computed in float64 from the features as given. Of equally near rows the first comes
// first. O(n m d) time, O(n d + m k) memory; the result does not depend on the number of threads.
NeighborTable FindNeighbors(const FeatureRows& bank, const FeatureRows& queries,
                            const NeighborOptions& options);

// The class of each query by the vote of its `neighbors` nearest rows with the weights
// exp(similarity / temperature) (Wu et al. 2018, section 3.4, arXiv:1805.01978); of equal weight at
// temperature 0.
//   labels     one per row of the bank, in 0 .. classes-1.
//   neighbors  >= 1; at most those of the table are used.
// Of classes with equal votes the smallest number wins.
std::vector<int> VoteByNeighbors(const NeighborTable& table, const std::vector<int>& labels,
                                 int classes, int64_t neighbors, double temperature);

// The votes themselves: [queries, classes] row-major, of each query the share of every class; they
// sum to 1.
std::vector<double> VoteShares(const NeighborTable& table, const std::vector<int>& labels,
                               int classes, int64_t neighbors, double temperature);

}  // namespace cassle

#endif  // CASSLE_PROBES_NEAREST_NEIGHBORS_H_
