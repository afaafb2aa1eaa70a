// Golden vectors as tensors, and the rule that fills the networks of the model_* golden files, in
// tests.
#ifndef CASSLE_MODELS_GOLDEN_MODEL_H_
#define CASSLE_MODELS_GOLDEN_MODEL_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "cassle/base/safetensors.h"
#include "cassle/models/module.h"

namespace cassle {

// A copy of the tensor `name`. A missing tensor fails the test and throws std::runtime_error.
at::Tensor GoldenTensor(const SafetensorsFile& golden, const std::string& name);

// FNV-1a, 64 bits.
uint64_t GoldenNameHash(const std::string& name);

// The float32 tensor that belongs to a name and shape: element k is a hash of (name, k), scaled by
// what the name says the tensor is for (see "Weight rule" in the golden files' README).
at::Tensor GoldenRuleTensor(const std::string& name, at::IntArrayRef sizes);

// Every floating-point parameter and buffer from its name; num_batches_tracked becomes 0.
void FillByGoldenRule(Module* module);

// Largest |a - b| divided by the largest |b|, in float64; infinite if the shapes differ.
double RelativeDifference(const at::Tensor& a, const at::Tensor& b);

}  // namespace cassle

#endif  // CASSLE_MODELS_GOLDEN_MODEL_H_
