// How well one view of an image can be told from another and from how they differ: the measures of
// SIE (Garrido, Najman & LeCun 2023, section 5, arXiv:2302.10283), by which predictions of features
// are looked for among the features that there are.
#ifndef CASSLE_PROBES_VIEW_RETRIEVAL_H_
#define CASSLE_PROBES_VIEW_RETRIEVAL_H_

#include <cstdint>
#include <vector>

#include "cassle/probes/nearest_neighbors.h"

namespace cassle {

// The place of `target` among the rows of `candidates` by cosine with the prediction, 1 for the
// most similar. Equally similar rows come before it: features that are all alike rank last, not
// first. O(n d).
//   prediction  [1, d], finite; the cosine with a row of zeros is 0.
int64_t RankOf(const FeatureRows& prediction, const FeatureRows& candidates, int64_t target);

// MRR, the mean of 1 / rank, and H@k, the part of the ranks that are at most k. Of no ranks: 0.
double MeanReciprocalRank(const std::vector<int64_t>& ranks);
double HitsAt(const std::vector<int64_t>& ranks, int64_t k);

// The MRR of ranks drawn at random among `candidates` >= 1.
double RandomReciprocalRank(int64_t candidates);

// PRE, the prediction retrieval error, of every parameter: the mean of (p of the row that was found
// - p of the row that was meant)^2 over twice the variance of p over all rows. 0: always the same
// parameter; 1: what a row found at random gives. Not a number where the parameter does not vary.
// SIE has it of rotations, as 1 - <q, q'>^2 of unit quaternions; parameters of augmentations are
// made comparable by their variance instead.
//   parameters    [n, k] of all rows that could be found.
//   found, meant  rows of it, equally many.
std::vector<double> RetrievalErrors(const FeatureRows& parameters,
                                    const std::vector<int64_t>& found,
                                    const std::vector<int64_t>& meant);

}  // namespace cassle

#endif  // CASSLE_PROBES_VIEW_RETRIEVAL_H_
