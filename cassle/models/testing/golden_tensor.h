// Golden vectors as tensors, in tests.
#ifndef CASSLE_MODELS_TESTING_GOLDEN_TENSOR_H_
#define CASSLE_MODELS_TESTING_GOLDEN_TENSOR_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "cassle/base/safetensors.h"

namespace cassle {

// A copy of the tensor `name`. A missing tensor fails the test and throws std::runtime_error.
at::Tensor GoldenTensor(const SafetensorsFile& golden, const std::string& name);

// Largest |a - b|, and that divided by the largest |b|. Both float64 inside; infinite if the shapes
// differ or a number is NaN.
double LargestDifference(const at::Tensor& a, const at::Tensor& b);
double RelativeDifference(const at::Tensor& a, const at::Tensor& b);

}  // namespace cassle

#endif  // CASSLE_MODELS_TESTING_GOLDEN_TENSOR_H_
