#include "cassle/models/testing/golden_tensor.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "cassle/models/weights/weights.h"
#include "gtest/gtest.h"

namespace cassle {

at::Tensor GoldenTensor(const SafetensorsFile& golden, const std::string& name) {
  const absl::StatusOr<TensorView> view = golden.Get(name);
  if (!view.ok()) {
    ADD_FAILURE() << view.status();
    throw std::runtime_error(view.status().ToString());
  }
  return ToTensor(*view);
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.sizes() != b.sizes()) return kInfinity;
  const at::Tensor exact = b.detach().to(at::kDouble);
  const double difference = a.detach().to(at::kDouble).sub(exact).abs().max().item().toDouble();
  return std::isnan(difference) ? kInfinity : difference;
}

double RelativeDifference(const at::Tensor& a, const at::Tensor& b) {
  const double difference = LargestDifference(a, b);
  return difference == 0 ? 0
                         : difference / b.detach().to(at::kDouble).abs().max().item().toDouble();
}

}  // namespace cassle
