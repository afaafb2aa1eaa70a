// Supervised training with the labels, as an upper bound: cross entropy of a classifier on the
// features of every view, mean over the views of the policy, no matter how many.
//
// The classifier is what other methods call the projector: F -> classes, one linear layer unless
// more are chosen, conditioned like theirs; the finished model has it as "projector". Targets may
// be smoothed (Szegedy et al. 2016, arXiv:1512.00567) and images mixed (mixup.h).
#ifndef CASSLE_SSL_METHODS_SUPERVISED_H_
#define CASSLE_SSL_METHODS_SUPERVISED_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
// \error kFailedPrecondition if there are no labels of at least two classes; kInvalidArgument if
// mixup_alpha is set and an image has no partner, or views are described.
absl::StatusOr<std::unique_ptr<Method>> MakeSupervised(const v1::MethodConfig& config,
                                                       const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_SUPERVISED_H_
