// A learning rate of the projector's own: CASSLE changes what the projector has to learn, and the
// backbone is what is kept.
#ifndef CASSLE_SSL_METHOD_PROJECTOR_RATE_H_
#define CASSLE_SSL_METHOD_PROJECTOR_RATE_H_

#include <memory>
#include <vector>

#include "cassle/ssl/method/method.h"
#include "cassle/ssl/optimizers/optimizer.h"

namespace cassle {

// Parameters named "projector.mlp.0.weight" or alike, what it is conditioned by among them, get
// `scale` times the rate of their group; all others keep theirs. Every group is split in this
// order: others, projector.
std::vector<ParameterGroup> GroupByProjector(const std::vector<ParameterGroup>& groups,
                                             double scale);

// `method`, with its groups of parameters split by GroupByProjector.
std::unique_ptr<Method> WithProjectorRate(std::unique_ptr<Method> method, double scale);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_PROJECTOR_RATE_H_
