// Gradients against finite differences.
#ifndef CASSLE_MODELS_TESTING_GRADIENT_CHECK_H_
#define CASSLE_MODELS_TESTING_GRADIENT_CHECK_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "cassle/runtime/named_tensor.h"

namespace cassle {

// Expects that the slope of `loss` along one random direction of each named parameter is what
// backward() says. The parameters are float64 and come back as they were.
void ExpectGradientsEqualFiniteDifferences(const std::vector<NamedTensor>& parameters,
                                           const std::vector<std::string>& names,
                                           const std::function<at::Tensor()>& loss);

}  // namespace cassle

#endif  // CASSLE_MODELS_TESTING_GRADIENT_CHECK_H_
