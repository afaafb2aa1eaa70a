// A tensor with a name: a parameter, a buffer, a state of an optimiser.
#ifndef CASSLE_RUNTIME_NAMED_TENSOR_H_
#define CASSLE_RUNTIME_NAMED_TENSOR_H_

#include <ATen/core/Tensor.h>

#include <string>

namespace cassle {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

}  // namespace cassle

#endif  // CASSLE_RUNTIME_NAMED_TENSOR_H_
