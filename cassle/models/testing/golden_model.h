// The rule that fills the networks of the model_* golden files, in tests.
#ifndef CASSLE_MODELS_TESTING_GOLDEN_MODEL_H_
#define CASSLE_MODELS_TESTING_GOLDEN_MODEL_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "cassle/models/networks/module.h"

namespace cassle {

// FNV-1a, 64 bits.
uint64_t GoldenNameHash(const std::string& name);

// The float32 tensor that belongs to a name and shape: element k is a hash of (name, k), scaled by
// what the name says the tensor is for (see "Weight rule" in the golden files' README).
at::Tensor GoldenRuleTensor(const std::string& name, at::IntArrayRef sizes);

// Every floating-point parameter and buffer from its name; num_batches_tracked becomes 0, and the
// position table of a vision transformer stays.
void FillByGoldenRule(Module* module);

}  // namespace cassle

#endif  // CASSLE_MODELS_TESTING_GOLDEN_MODEL_H_
