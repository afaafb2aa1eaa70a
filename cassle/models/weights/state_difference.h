// What differs between the tensors that a network (or a whole training run) has and those that a
// file holds, for people.
#ifndef CASSLE_MODELS_WEIGHTS_STATE_DIFFERENCE_H_
#define CASSLE_MODELS_WEIGHTS_STATE_DIFFERENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cassle/base/safetensors.h"

namespace cassle {

struct TensorSignature {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
};

// Empty if both have the same names, shapes and types, in whatever order. Else one line: how many
// are missing in `found`, unexpected in it, or of another shape or type, the first few of each (8
// in all), and what is likely to be the reason:
//
//   2 missing: bn1.weight, bn1.bias; 1 of another shape: conv1.weight is [64, 3, 7, 7] and should
//   be [64, 3, 3, 3]. Likely another stem
std::string DescribeDifference(const std::vector<TensorSignature>& expected,
                               const std::vector<TensorSignature>& found);

}  // namespace cassle

#endif  // CASSLE_MODELS_WEIGHTS_STATE_DIFFERENCE_H_
