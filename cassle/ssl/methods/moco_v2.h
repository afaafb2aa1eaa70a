// MoCo-v2 (He et al. 2020, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297): queries from the
// encoder (view 1), keys from its moving average (view 2), negatives from a queue of earlier keys.
//
// As in the authors' code: the loss is not symmetric, the momentum networks start as copies, run in
// training mode with batch statistics of their own, and follow after the optimiser step; no
// shuffling of batch norm. Unlike there, the queue holds keys (MocoV2Config.enqueue and compat
// switch).
#ifndef CASSLE_SSL_METHODS_MOCO_V2_H_
#define CASSLE_SSL_METHODS_MOCO_V2_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
// \error kInvalidArgument for a queue size that is no multiple of the batch size, with the nearest
// sizes that are.
absl::StatusOr<std::unique_ptr<Method>> MakeMocoV2(const v1::MethodConfig& config,
                                                   const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_MOCO_V2_H_
