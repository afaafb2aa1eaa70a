// Classification by the most similar training rows: what features are worth without any training.
#ifndef CASSLE_EVAL_NEAREST_NEIGHBORS_H_
#define CASSLE_EVAL_NEAREST_NEIGHBORS_H_

#include <vector>

#include "cassle/eval/thin_products.h"

namespace cassle {

// Divides every row by its Euclidean norm; rows of zeros stay.
void NormalizeRows(PaddedMatrix<float>* rows);

struct NeighborOptions {
  // Neighbours that vote, at least 1; all rows of the bank where there are fewer.
  int neighbors = 20;
  // T of the weights exp(cosine / T), above 0.
  double temperature = 0.07;
  int threads = 1;
};

// The class of each query by the weighted vote of its nearest rows (Wu et al. 2018, section 3.4,
// arXiv:1805.01978; with one neighbour: the class of the nearest row).
//   bank     [n, d], normalised rows; labels: n values in 0 .. classes-1; n >= 1.
//   queries  [m, d], normalised rows.
// Exact. Of equally near rows the first counts, of classes with equal votes the smallest number.
// O(n m d) time; the result does not depend on the number of threads.
std::vector<int> ClassifyByNeighbors(const PaddedMatrix<float>& bank,
                                     const std::vector<int>& labels,
                                     const PaddedMatrix<float>& queries, int classes,
                                     const NeighborOptions& options);

}  // namespace cassle

#endif  // CASSLE_EVAL_NEAREST_NEIGHBORS_H_
