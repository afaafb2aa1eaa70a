// Sums of vectors over the ranks of a team, for batch norm.
#ifndef CASSLE_RUNTIME_RANKS_SYNCED_STATISTICS_H_
#define CASSLE_RUNTIME_RANKS_SYNCED_STATISTICS_H_

#include <cstdint>
#include <vector>

#include "cassle/runtime/ranks/team.h"

namespace cassle {

// Replaces the mean and the (biased) variance of `rows` own values per channel by those of all
// ranks' values, and rows by their number.
void CombineMoments(Team* team, std::vector<double>* mean, std::vector<double>* variance,
                    int64_t* rows);

// Replaces both vectors by their sums over ranks.
void SumBoth(Team* team, std::vector<double>* a, std::vector<double>* b);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_SYNCED_STATISTICS_H_
