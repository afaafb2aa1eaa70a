#include "cassle/eval/nearest_neighbors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "cassle/base/thread_pool.h"

namespace cassle {
namespace {

// Queries that go through the bank together.
constexpr int64_t kBlock = 32;

// The class that `similarities` (one per row of the bank) vote for. order: scratch.
int Vote(const std::vector<float>& similarities, const std::vector<int>& labels, int classes,
         const NeighborOptions& options, std::vector<int64_t>* order) {
  const auto nearer = [&](int64_t a, int64_t b) {
    return similarities[a] != similarities[b] ? similarities[a] > similarities[b] : a < b;
  };
  order->resize(similarities.size());
  std::iota(order->begin(), order->end(), int64_t{0});
  const int64_t voters = std::min<int64_t>(options.neighbors, order->size());
  // Sorted, so that the sums of the votes do not depend on how the voters were found.
  std::partial_sort(order->begin(), order->begin() + voters, order->end(), nearer);
  std::vector<double> votes(classes, 0.0);
  const double nearest = similarities[order->front()];
  for (int64_t i = 0; i < voters; ++i) {
    const int64_t row = (*order)[i];
    // Relative to the nearest: no overflow, and the same winner.
    votes[labels[row]] += std::exp((similarities[row] - nearest) / options.temperature);
  }
  return static_cast<int>(std::max_element(votes.begin(), votes.end()) - votes.begin());
}

}  // namespace

void NormalizeRows(PaddedMatrix<float>* rows) {
  for (int64_t i = 0; i < rows->rows(); ++i) {
    float* row = rows->row(i);
    double square_sum = 0;
    for (int64_t j = 0; j < rows->columns(); ++j) square_sum += double{row[j]} * row[j];
    if (square_sum == 0) continue;
    const double scale = 1 / std::sqrt(square_sum);
    for (int64_t j = 0; j < rows->columns(); ++j) row[j] = static_cast<float>(row[j] * scale);
  }
}

std::vector<int> ClassifyByNeighbors(const PaddedMatrix<float>& bank,
                                     const std::vector<int>& labels,
                                     const PaddedMatrix<float>& queries, int classes,
                                     const NeighborOptions& options) {
  std::vector<int> predicted(queries.rows());
  ParallelFor(options.threads, (queries.rows() + kBlock - 1) / kBlock, [&](int64_t block) {
    const int64_t first = block * kBlock;
    const int64_t count = std::min(kBlock, queries.rows() - first);
    std::vector<float> products(bank.rows() * count);
    MultiplyTransposed(bank.data(), bank.stride(), bank.rows(), queries.row(first),
                       queries.stride(), count, bank.stride(), products.data(), count);
    std::vector<float> similarities(bank.rows());
    std::vector<int64_t> order;
    for (int64_t q = 0; q < count; ++q) {
      for (int64_t row = 0; row < bank.rows(); ++row) {
        similarities[row] = products[row * count + q];
      }
      predicted[first + q] = Vote(similarities, labels, classes, options, &order);
    }
  });
  return predicted;
}

}  // namespace cassle
