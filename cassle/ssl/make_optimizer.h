// All optimisers, by kind.
#ifndef CASSLE_SSL_MAKE_OPTIMIZER_H_
#define CASSLE_SSL_MAKE_OPTIMIZER_H_

#include <memory>
#include <vector>

#include "cassle/ssl/optimizer.h"

namespace cassle {

// `groups` as a method hands them over (Method::parameter_groups). An unspecified kind is SGD.
std::unique_ptr<Optimizer> MakeOptimizer(const OptimizerOptions& options,
                                         std::vector<ParameterGroup> groups);

}  // namespace cassle

#endif  // CASSLE_SSL_MAKE_OPTIMIZER_H_
