// Gradient accumulation: a batch goes through a method in parts, so that only one part's
// activations are in memory at a time.
#ifndef CASSLE_SSL_TRAINING_ACCUMULATE_H_
#define CASSLE_SSL_TRAINING_ACCUMULATE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/training/average_gradients.h"

namespace cassle {

struct BatchPass {
  // Mean over the parts; not finite as soon as that of one part is not.
  double loss = 0;
  // On a GPU, where nobody waits for it, instead: scalar float32; `loss` stays 0.
  at::Tensor unread_loss;
  // Of all images, in order, detached: what MethodOutput has of each part. Undefined where a method
  // leaves them out.
  at::Tensor z1, z2, features1;
};

// Of several ranks: the batch holds RowsOnRank of its `rows` images, descriptors and labels
// included.
struct SharedBatch {
  Team* team = nullptr;
  int64_t rows = 0;
  // Makes the gradients those of the whole; null: they stay those of this rank.
  GradientAverager* averager = nullptr;
};

// Forward and backward over `parts` consecutive parts of equal size. Adds to the gradients those of
// the mean of the parts' losses; after a loss that is not finite nothing more is done. Whatever a
// method computes over a batch (negatives, correlations, statistics of batch norm) it computes over
// a part. parts >= 1 must divide the number of images; with 1 this is Forward and backward().
//
// On one of several ranks each part is shared among them.
//   batch_norm_group  Consecutive images of which batch norm takes its statistics; 0: of all of a
//                     part, on all ranks. Else it must divide a rank's images of a part: then no
//                     rank waits for another within the networks, and running statistics, of the
//                     momentum networks too, are averaged over ranks at the end.
BatchPass AccumulateGradients(const Batch& batch, int64_t parts, Method* method,
                              const SharedBatch& shared = {}, int64_t batch_norm_group = 0);

// Whether a batch can be cut into parts, a part shared among ranks, and the images of a rank be cut
// into groups of batch norm (0: none).
// \error kInvalidArgument naming the options that do not fit.
absl::Status CheckShares(int64_t batch_size, int64_t parts, int64_t batch_norm_group, int ranks);

// Positions, ascending, of the images of a batch of `rows` in `parts` that a rank has.
std::vector<int64_t> RowsOnRank(int64_t rows, int64_t parts, int rank, int size);

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_ACCUMULATE_H_
