// MoCo-v3 (Chen, Xie & He 2021, arXiv:2104.02057): predictions of each view against the momentum
// encoder's projections of the other view of the same batch; no queue. Symmetric.
//
// As in the authors' code: the momentum networks start as copies, run in training mode, see the
// descriptor of their own view, and follow before they make the keys; projector and predictor end
// in batch norm without weight and bias; AdamW with 40 epochs of warm-up. The momentum rises from
// 0.99 to 1 along a cosine, as in the paper; compat OFFICIAL keeps it at 0.999.
#ifndef CASSLE_SSL_METHODS_MOCO_V3_H_
#define CASSLE_SSL_METHODS_MOCO_V3_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

Recipe MocoV3Recipe(bool official);

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
absl::StatusOr<std::unique_ptr<Method>> MakeMocoV3(const v1::MethodConfig& config,
                                                   const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_MOCO_V3_H_
