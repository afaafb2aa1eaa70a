// SwAV (Caron et al. 2020, arXiv:2006.09882): the projections of a view are compared with learned
// prototypes; a soft clustering of the batch into equally large clusters (Sinkhorn) turns the
// comparisons of the first two views into assignments, which all other views have to foretell. No
// negatives, no momentum networks. Takes all views of a multi-crop policy.
//
// As in the authors' code: prototypes have unit length, again after every step, and do not train
// during the first steps; LARS with a rate of 0.3 per 256 images, ten epochs of warm-up. A queue
// of earlier projections of the two views makes clusters possible that a small batch could not
// fill; from the epoch on that is chosen, and once it is full. Each view goes through the networks
// by itself, while the authors' code joins views of the same size, whose batch norm sees them
// together. compat OFFICIAL: the smaller setting of the AugSelf code (100 prototypes, SGD).
#ifndef CASSLE_SSL_METHODS_SWAV_H_
#define CASSLE_SSL_METHODS_SWAV_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

Recipe SwavRecipe(bool official);

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
// \error kInvalidArgument for a queue size that is no multiple of the batch size, or an epoch in
// which a queue that there is not would start.
absl::StatusOr<std::unique_ptr<Method>> MakeSwav(const v1::MethodConfig& config,
                                                 const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_SWAV_H_
