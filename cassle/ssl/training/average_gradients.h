// Gradients of one model that several ranks train.
#ifndef CASSLE_SSL_TRAINING_AVERAGE_GRADIENTS_H_
#define CASSLE_SSL_TRAINING_AVERAGE_GRADIENTS_H_

#include <vector>

#include "cassle/runtime/named_tensor.h"
#include "cassle/runtime/ranks/team.h"

namespace cassle {

// Replaces the gradients by their means over the ranks: the same bits on all. Parameters without a
// gradient have none on any rank. In buckets of 4 MiB, each on its way while the next is filled.
void AverageGradients(const std::vector<NamedTensor>& parameters, Team* team);

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_AVERAGE_GRADIENTS_H_
