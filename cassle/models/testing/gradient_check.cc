#include "cassle/models/testing/gradient_check.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "cassle/models/testing/golden_model.h"
#include "gtest/gtest.h"

namespace cassle {

void ExpectGradientsEqualFiniteDifferences(const std::vector<NamedTensor>& parameters,
                                           const std::vector<std::string>& names,
                                           const std::function<at::Tensor()>& loss) {
  loss().backward();
  const c10::NoGradGuard no_grad;
  for (const std::string& name : names) {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const NamedTensor& entry) { return entry.name == name; });
    ASSERT_NE(found, parameters.end()) << name;
    at::Tensor parameter = found->tensor;
    const at::Tensor direction = GoldenRuleTensor(name, parameter.sizes()).to(at::kDouble);
    const double slope = (parameter.grad() * direction).sum().item<double>();
    const double step = 1e-5;
    parameter.add_(direction, step);
    const double above = loss().item<double>();
    parameter.add_(direction, -2 * step);
    const double below = loss().item<double>();
    parameter.add_(direction, step);
    EXPECT_NEAR((above - below) / (2 * step), slope, 1e-5 * std::abs(slope) + 1e-7) << name;
  }
}

}  // namespace cassle
