// The matrix product behind exact nearest neighbour search: scores of many rows for a tile of
// queries.
//
// thin_products.h sums along rows, which needs a sum over the lanes of a vector for every product;
// with hundreds of thousands of queries it is better to keep one query per lane. Each score is
// summed in the order of the columns, whatever the width of the vectors, so only processors without
// fused multiply-add give other bits.
#ifndef CASSLE_PROBES_NEIGHBOR_SCORES_H_
#define CASSLE_PROBES_NEIGHBOR_SCORES_H_

#include <cstdint>

namespace cassle {

// Queries in a tile: three of the widest vectors.
constexpr int64_t kTileQueries = 48;

// scores[r * kTileQueries + q] =
//     offsets[r] + sum over k of rows[r * stride + k] * tile[k * kTileQueries + q].
//   tile  [columns, kTileQueries], 64-byte aligned: the queries' values, column by column.
void ScoreTile(const float* rows, int64_t stride, int64_t num_rows, const float* offsets,
               const float* tile, int64_t columns, float* scores);

}  // namespace cassle

#endif  // CASSLE_PROBES_NEIGHBOR_SCORES_H_
