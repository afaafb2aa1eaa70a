#include "cassle/models/testing/golden_model.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "absl/strings/match.h"

namespace cassle {
namespace {

// Element k of the stream of a name, in [-1, 1).
double GoldenUniform(uint64_t hash, uint64_t k) {
  uint64_t z = hash + (k + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  return static_cast<double>(z >> 40) * 0x1p-23 - 1.0;
}

// value = offset + scale * uniform
void RuleScale(const std::string& name, at::IntArrayRef sizes, double* offset, double* scale) {
  *offset = 0;
  *scale = 0.1;
  if (absl::StartsWith(name, "input")) {
    *scale = 1;
  } else if (sizes.size() == 4) {
    *scale = std::sqrt(6.0 / static_cast<double>(sizes[1] * sizes[2] * sizes[3]));
  } else if (sizes.size() == 2) {
    *scale = std::sqrt(3.0 / static_cast<double>(sizes[1]));
  } else if (absl::EndsWith(name, "running_var")) {
    *offset = 1;
    *scale = 0.5;
  } else if (absl::EndsWith(name, "weight")) {
    *offset = 1;
    *scale = 0.25;
  }
}

}  // namespace

uint64_t GoldenNameHash(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned char c : name) hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}

at::Tensor GoldenRuleTensor(const std::string& name, at::IntArrayRef sizes) {
  double offset, scale;
  RuleScale(name, sizes, &offset, &scale);
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  const uint64_t hash = GoldenNameHash(name);
  float* data = tensor.data_ptr<float>();
  for (int64_t k = 0; k < tensor.numel(); ++k) {
    data[k] = static_cast<float>(offset + scale * GoldenUniform(hash, k));
  }
  return tensor;
}

void FillByGoldenRule(Module* module) {
  c10::NoGradGuard no_grad;
  for (const NamedTensor& entry : module->state()) {
    if (entry.name == "pos_embed") continue;
    if (entry.tensor.is_floating_point()) {
      entry.tensor.copy_(GoldenRuleTensor(entry.name, entry.tensor.sizes()));
    } else {
      entry.tensor.zero_();
    }
  }
}

}  // namespace cassle
