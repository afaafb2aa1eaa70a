// BYOL (Grill et al. 2020, arXiv:2006.07733): a predictor on top of the encoder foretells the
// projection of the other view by the encoder's moving average; no negatives. Symmetric.
//
// As in the authors' code: each view goes through the networks by itself, the momentum networks
// start as copies, run in training mode, follow after the optimiser step, and see the descriptor of
// their own view; their momentum rises along a cosine, epoch by epoch. SGD instead of the paper's
// LARS (which can be chosen), and a hidden layer of 4096 in the projector, as in the paper; compat
// OFFICIAL makes it as wide as the features.
#ifndef CASSLE_SSL_METHODS_BYOL_H_
#define CASSLE_SSL_METHODS_BYOL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
absl::StatusOr<std::unique_ptr<Method>> MakeByol(const v1::MethodConfig& config,
                                                 const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_BYOL_H_
