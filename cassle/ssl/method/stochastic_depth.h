// Stochastic depth for the backbone of any method (cassle/models/networks/drop_path.h): tells it
// which rows of which step it sees.
#ifndef CASSLE_SSL_METHOD_STOCHASTIC_DEPTH_H_
#define CASSLE_SSL_METHOD_STOCHASTIC_DEPTH_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

// `method`, whose backbone drops branches with rates up to `rate`, (0, 1). The number of steps
// joins its state: a resumed run drops what an undisturbed one does, and ranks what one alone does.
// All views of an image lose the same branches.
// \error kInvalidArgument if the backbone has no residual branches.
absl::StatusOr<std::unique_ptr<Method>> WithStochasticDepth(std::unique_ptr<Method> method,
                                                            double rate, uint64_t seed, Team* team);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_STOCHASTIC_DEPTH_H_
