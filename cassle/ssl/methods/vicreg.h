// VICReg (Bardes, Ponce & LeCun 2022, arXiv:2105.04906): the projections of the two views shall be
// close (invariance), every coordinate shall vary over the batch (variance), and no two coordinates
// together (covariance); no negatives, no predictor, no momentum networks.
//
// As in the authors' code: a projector ("expander") of three layers whose last has neither bias nor
// batch norm; LARS, ten epochs of warm-up; the variances of the two views are averaged, where the
// paper's equation adds them, and its weights of 25, 25 and 1 were found that way. The authors
// decay weights by 0.000001, where LARS has 0.0000015 by default.
#ifndef CASSLE_SSL_METHODS_VICREG_H_
#define CASSLE_SSL_METHODS_VICREG_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

Recipe VicregRecipe(bool official);

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
absl::StatusOr<std::unique_ptr<Method>> MakeVicreg(const v1::MethodConfig& config,
                                                   const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_VICREG_H_
