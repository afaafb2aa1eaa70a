#include "cassle/ssl/golden_tensor.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cstring>
#include <stdexcept>

#include "gtest/gtest.h"

namespace cassle {

at::Tensor GoldenTensor(const SafetensorsFile& golden, const std::string& name) {
  const absl::StatusOr<TensorView> view = golden.Get(name);
  if (!view.ok()) {
    ADD_FAILURE() << view.status();
    throw std::runtime_error(view.status().ToString());
  }
  at::ScalarType type = at::kFloat;
  if (view->dtype == DType::kF64) type = at::kDouble;
  if (view->dtype == DType::kI64) type = at::kLong;
  if (view->dtype == DType::kU8) type = at::kByte;
  at::Tensor tensor = at::empty(view->shape, type);
  std::memcpy(tensor.data_ptr(), view->bytes.data(), view->bytes.size());
  return tensor;
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.detach().to(at::kDouble) - b.detach().to(at::kDouble)).abs().max().item().toDouble();
}

double RelativeDifference(const at::Tensor& a, const at::Tensor& b) {
  return LargestDifference(a, b) / b.detach().to(at::kDouble).abs().max().item().toDouble();
}

}  // namespace cassle
