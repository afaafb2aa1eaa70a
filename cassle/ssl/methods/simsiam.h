// SimSiam (Chen & He 2021, arXiv:2011.10566): a predictor foretells the projection of the other
// view by the same encoder, which gets no gradient from there; no negatives, no momentum networks.
// Symmetric.
//
// As in the authors' code: each view goes through the networks by itself; batch norm with weight
// and bias ends the projector; the predictor's learning rate stays constant.
#ifndef CASSLE_SSL_METHODS_SIMSIAM_H_
#define CASSLE_SSL_METHODS_SIMSIAM_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
absl::StatusOr<std::unique_ptr<Method>> MakeSimsiam(const v1::MethodConfig& config,
                                                    const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_SIMSIAM_H_
