// SimCLR (Chen et al. 2020, arXiv:2002.05709): one encoder, NT-Xent between two views, all other
// images of the batch are negatives. Each view goes through the networks by itself, so batch norm
// sees one view at a time, as in the authors' code.
#ifndef CASSLE_SSL_METHODS_SIMCLR_H_
#define CASSLE_SSL_METHODS_SIMCLR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
// \error kInvalidArgument if the batch cannot be split into negative_groups.
absl::StatusOr<std::unique_ptr<Method>> MakeSimclr(const v1::MethodConfig& config,
                                                   const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_SIMCLR_H_
