// All optimisers, by kind.
#ifndef CASSLE_SSL_OPTIMIZERS_MAKE_OPTIMIZER_H_
#define CASSLE_SSL_OPTIMIZERS_MAKE_OPTIMIZER_H_

#include <memory>
#include <vector>

#include "cassle/ssl/optimizers/optimizer.h"
#include "cassle/ssl/settings/training.pb.h"

namespace cassle {

// `groups` as a method hands them over (Method::parameter_groups). Of `training`: optimizer
// (unspecified is SGD), weight_decay, exempt_biases (LARS exempts them whatever it says), and
// momentum (of SGD and LARS; the Adams have their own two).
std::unique_ptr<Optimizer> MakeOptimizer(const v1::TrainingConfig& training,
                                         std::vector<ParameterGroup> groups);

}  // namespace cassle

#endif  // CASSLE_SSL_OPTIMIZERS_MAKE_OPTIMIZER_H_
