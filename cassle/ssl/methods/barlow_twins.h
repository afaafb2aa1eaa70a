// Barlow Twins (Zbontar et al. 2021, arXiv:2103.03230): the cross-correlation of the two views'
// projections shall be the identity; no negatives, no predictor, no momentum networks.
//
// As in the authors' code: a projector of three layers that ends in batch norm without weight and
// bias; biases and batch norm train at a fraction of the learning rate; ten epochs of warm-up. The
// optimiser is the paper's LARS; compat OFFICIAL makes it SGD.
#ifndef CASSLE_SSL_METHODS_BARLOW_TWINS_H_
#define CASSLE_SSL_METHODS_BARLOW_TWINS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

Recipe BarlowTwinsRecipe(bool official);

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
absl::StatusOr<std::unique_ptr<Method>> MakeBarlowTwins(const v1::MethodConfig& config,
                                                        const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_BARLOW_TWINS_H_
