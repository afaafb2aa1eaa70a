// Conditioning on relative parameters (ConditioningConfig.relative): each of the two views is
// projected with how it differs from the other, d_1 - d_2 and d_2 - d_1, instead of with its own
// descriptor d. What was done to both views alike then stays unknown to the projector.
#ifndef CASSLE_SSL_METHOD_RELATIVE_CONDITIONING_H_
#define CASSLE_SSL_METHOD_RELATIVE_CONDITIONING_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

// `method`, whose View.descriptors are the differences if setup.conditioning asks for it; else
// `method` itself. Everything that a method tells of a view (momentum networks, a conditioned
// predictor, image channels) follows.
// \error kInvalidArgument if the method takes one view, which has no other, or more than two.
absl::StatusOr<std::unique_ptr<Method>> WithRelativeConditioning(const MethodSetup& setup,
                                                                 std::unique_ptr<Method> method);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_RELATIVE_CONDITIONING_H_
