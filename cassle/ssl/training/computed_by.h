// What computed a training: the number of its processes and the kind of device, on which the last
// bits depend. A run may be stopped in one place and go on in another, so its checkpoints tell.
#ifndef CASSLE_SSL_TRAINING_COMPUTED_BY_H_
#define CASSLE_SSL_TRAINING_COMPUTED_BY_H_

#include <c10/core/Device.h>

#include <string>

#include "cassle/ssl/training/checkpoint.pb.h"

namespace cassle {

// "one process on the processor", "4 ranks on cuda".
std::string DescribePlace(int ranks, c10::Device device);

// Adds to state->computed_by() that the steps from state->step() on are computed there. What was
// computed by one process on the processor from the beginning names nothing.
//   place  As by DescribePlace().
void AddPlace(const std::string& place, v1::TrainState* state);

// Where the last of the steps so far was computed; empty before the first.
std::string LastPlace(const v1::TrainState& state);

// What readers of the output should know: a sentence; empty where nothing is named.
std::string ComputedBySentence(const v1::TrainState& state);

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_COMPUTED_BY_H_
